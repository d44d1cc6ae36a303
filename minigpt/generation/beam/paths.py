"""Other texts in the tree of a beam search: greedy's, and the best of all.

Such a text runs along the tree for as long as the search considered it. Where it was
pruned, its way on is added beside the tree, so that both can be looked at together.

Before: `beam` and `exhaustive`, which find the texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import GenerationConfig
from minigpt.generation.beam.search import beam_search
from minigpt.generation.beam.tree import BeamCandidate, BeamResult, ScoredText
from minigpt.generation.window import Window
from minigpt.model import LanguageModel


@dataclass(frozen=True)
class PathsInTree:
    """A search's candidates and the texts that run through them."""

    nodes: list[BeamCandidate]
    """The candidates of the search, then what only the texts pass through."""
    paths: list[list[int]]
    """For each text, the ids of its nodes from the first token to the last."""

    def left_beam(self, path: int) -> int | None:
        """Return the step at which the search dropped a text (none: it never did)."""
        for node in self.paths[path]:
            if self.nodes[node].status in ("pruned", "unseen"):
                return self.nodes[node].step
        return None


def trace_paths(
    search: BeamResult, texts: Sequence[ScoredText], length_penalty: float
) -> PathsInTree:
    """Find texts in the tree of a search, and add what of them is missing.

    Args:
        search: With all it considered.
        texts: Continuations of the same prompt.
        length_penalty: The search's, to score unfinished beginnings.
    """
    nodes = list(search.candidates)
    children = {(node.parent, node.token): node.id for node in nodes}
    paths = []
    for text in texts:
        path, parent = [], -1
        for step, token in enumerate(text.tokens, start=1):
            if (parent, token) not in children:
                children[parent, token] = len(nodes)
                nodes.append(_unseen(len(nodes), parent, text, step, length_penalty))
            parent = children[parent, token]
            path.append(parent)
        paths.append(path)
    return PathsInTree(nodes, paths)


def _unseen(
    number: int, parent: int, text: ScoredText, step: int, length_penalty: float
) -> BeamCandidate:
    cumulative = sum(text.log_probs[:step])
    return BeamCandidate(
        id=number,
        parent=parent,
        step=step,
        rank=-1,
        token=text.tokens[step - 1],
        log_prob=text.log_probs[step - 1],
        cumulative=cumulative,
        score=float(cumulative / np.float64(step) ** length_penalty),
        status="unseen",
        reason="the search never came here",
        returned=None,
    )


def greedy_text(
    model: LanguageModel,
    prompt_tokens: Sequence[int],
    config: GenerationConfig,
    eos_id: int | None,
) -> ScoredText:
    """Write what always taking the likeliest token gives: a beam of width 1.

    Args:
        model: Who writes.
        prompt_tokens: What to continue.
        config: As for the search it is compared with.
        eos_id: The token that ends a text, if any.
    """
    narrow = config.replace(num_beams=1)
    return beam_search(model, prompt_tokens, narrow, eos_id, watched=True).sequences[0]


def better_prompt(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    config: GenerationConfig,
    eos_id: int | None,
) -> int | None:
    """Find a prompt whose best text begins with a token that greedy does not take.

    Args:
        model: Who writes.
        prompts: To be tried in this order.
        config: The search's.
        eos_id: The token that ends a text, if any.

    Returns:
        The number of the first prompt after which the beam's text begins otherwise than
        greedy's and is likelier as a whole.
    """
    for number, prompt in enumerate(prompts):
        greedy = greedy_text(model, prompt, config, eos_id)
        found = beam_search(model, prompt, config, eos_id, watched=True).sequences[0]
        begins_otherwise = found.tokens[0] != greedy.tokens[0]
        if begins_otherwise and found.cumulative > greedy.cumulative:
            return number
    return None


@torch.inference_mode()
def log_normalizer(model: LanguageModel, tokens: Sequence[int]) -> float:
    """Return ln Σ exp(logit) after a text: ln p of a token is its logit minus this."""
    read = torch.tensor([list(tokens)], device=model.device)
    logits = Window(model, 1, len(tokens), watched=True).next_logits(read)
    return float(logits.logsumexp(dim=-1))
