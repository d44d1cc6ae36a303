"""Where greedy's first choice loses: the likeliest token begins a less likely text."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.beam.search import beam_search
from minigpt.generation.window import Window
from minigpt.interpret.openings.beginnings import Beginning, beginnings
from minigpt.interpret.openings.opening import Opening
from minigpt.model import LanguageModel

SEARCHED = 6
"""Beginnings that are searched with a whole beam: those that promise most."""

FIRST_TOKENS = 3
"""First tokens tried after each beginning."""


def beam_opening(checkpoint: Checkpoint, config: GenerationConfig) -> Opening | None:
    """Search the beginning on which a beam gains most by another first token.

    Effects: `gain` [nats], the sum of ln p of the beam's best text minus that of
    greedy's. It is 0 where a beam gains nothing on any of the beginnings searched.

    Args:
        checkpoint: Model, tokenizer and metadata.
        config: The beam's width, length and penalties.

    Returns:
        The place; None where there is no held-out text.
    """
    by_length: dict[int, list[Beginning]] = defaultdict(list)
    for each in beginnings(checkpoint):
        by_length[len(each.tokens)].append(each)
    promised = [
        pair
        for group in by_length.values()
        for pair in _promises(checkpoint.model, group, config.max_new_tokens)
    ]
    promised.sort(key=lambda pair: -pair[0])
    gains = [
        (_gain(checkpoint, each.tokens, config), each)
        for _, each in promised[:SEARCHED]
    ]
    if not gains:
        return None
    gain, best = max(gains, key=lambda pair: pair[0])
    return Opening(best.prompt, 0, 0, len(best.tokens) - 1, {"gain": gain})


@torch.inference_mode()
def _promises(
    model: LanguageModel, group: Sequence[Beginning], steps: int
) -> Iterator[tuple[float, Beginning]]:
    """Yield how much likelier a text becomes if greedy begins with another token.

    A beam is slow; going on greedily from each of the first tokens shows where one may
    gain. Beginnings of one length are read as one batch.
    """
    log_probs = torch.stack([each.log_probs for each in group]).to(model.device)
    sums, first = log_probs.topk(FIRST_TOKENS)  # [text choice], likeliest first
    sums = sums.flatten()
    read = torch.tensor([each.tokens for each in group], device=model.device)
    texts = torch.cat(
        [read.repeat_interleave(FIRST_TOKENS, 0), first.flatten()[:, None]], dim=1
    )
    window = Window(model, len(texts), texts.shape[1] + steps, watched=True)
    for _ in range(steps - 1):
        best = window.next_logits(texts).log_softmax(-1).max(-1)
        sums = sums + best.values
        texts = torch.cat([texts, best.indices[:, None]], dim=1)
    by_choice = sums.view(-1, FIRST_TOKENS)
    gains = by_choice[:, 1:].amax(-1) - by_choice[:, 0]
    yield from zip(gains.tolist(), group, strict=True)


def _gain(checkpoint: Checkpoint, tokens: list[int], config: GenerationConfig) -> float:
    """Return what a beam gains by beginning otherwise than greedy: 0 if it does not."""
    model, tokenizer, _ = checkpoint
    eos_id = tokenizer.eos_id if config.stop_at_eos else None
    best, greedy = (
        # As the page does it: what is found is what will be seen.
        beam_search(model, tokens, settings, eos_id, watched=True).sequences[0]
        for settings in (config, config.replace(num_beams=1))
    )
    if best.tokens[0] == greedy.tokens[0]:
        return 0.0
    return max(0.0, best.cumulative - greedy.cumulative)
