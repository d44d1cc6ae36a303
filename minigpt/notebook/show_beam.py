"""A beam search as a tree, beside what greedy writes."""

from typing import Any

import traitlets

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.beam.paths import PathsInTree, greedy_text, trace_paths
from minigpt.generation.beam.search import beam_search
from minigpt.generation.beam.tree import BeamCandidate, BeamResult, ScoredText
from minigpt.notebook import pictures
from minigpt.notebook.inputs import read_text
from minigpt.notebook.widget import Figure
from minigpt.tokenizers.base import Tokenizer


class Beam(Figure):
    """A column for each step, a node for each candidate.

    `node` is the locked candidate, by the reader or by Python; `written` is its text.
    """

    figure = "beam"
    mounted = ("beam_tree",)

    node = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The locked candidate's place among `nodes`, or None."""
    tree = traitlets.Dict(read_only=True).tag(sync=True)
    """What was considered, for the app's view `beam_tree`."""

    def __init__(
        self, search: BeamResult, greedy: ScoredText, tokenizer: Tokenizer
    ) -> None:
        self.search, self.greedy = search, greedy
        self._tokenizer = tokenizer
        found = trace_paths(search, [greedy], 1.0)
        self.nodes = found.nodes
        """Every candidate, in the order of the search; then what only greedy wrote."""
        self.set_trait("tree", self._packed(found))
        super().__init__()

    def _packed(self, found: PathsInTree) -> dict[str, Any]:
        path = {"path": found.paths[0], "cumulative": self.greedy.cumulative}
        return {
            "nodes": [_packed(n, self._tokenizer.piece(n.token)) for n in found.nodes],
            "returned": self.search.returned,
            "greedy": path,
            "pieces": self._tokenizer.pieces(self.search.prompt_tokens),
            "size": self._tokenizer.vocab_size,
        }

    @property
    def written(self) -> str | None:
        """The text of the locked candidate, without the prompt."""
        tokens, at = [], -1 if self.node is None else self.node
        while at >= 0:
            tokens.append(self.nodes[at].token)
            at = self.nodes[at].parent
        return self._tokenizer.decode(tokens[::-1]) if tokens else None

    @traitlets.validate("node")
    def _check_node(self, proposal: Any) -> int | None:
        node, last = proposal["value"], len(self.nodes) - 1
        if node is not None and not 0 <= node <= last:
            raise DataError(
                f"node {node} lies outside: the tree has nodes 0 to {last}."
            )
        return None if node is None else int(node)

    def summary(self) -> str:
        """Say in one line what is shown."""
        texts = [self.search.sequences[0], self.greedy]
        best, greedy = (repr(self._tokenizer.decode(each.tokens)) for each in texts)
        return (
            f"The beam's best text is {best}, {texts[0].cumulative:.2f} nats; greedy's "
            f"is {greedy}, {texts[1].cumulative:.2f}."
        )

    def picture(self) -> str:
        """Draw the finished texts, and greedy's, without a script."""
        rows = [
            (f"{name}, {each.cumulative:.2f} nats", self._tokenizer.pieces(each.tokens))
            for name, each in [
                *(
                    (f"beam {n + 1}", found)
                    for n, found in enumerate(self.search.sequences)
                ),
                ("greedy", self.greedy),
            ]
        ]
        return pictures.rows_of_pieces(rows)


def beam(
    source: Any, text: str, *, num_beams: int = 3, max_new_tokens: int = 5
) -> Beam:
    """Show every candidate of a beam search, and what became of it.

    Args:
        source: What `minigpt.load` returns; a transformer.
        text: The prompt.
        num_beams: How many texts go on at each step.
        max_new_tokens: How many tokens are written.

    Raises:
        ConfigError: If a number is out of range.
        DataError: If the model cannot read this text.
    """
    model, tokenizer, reading = read_text(source, text)
    tokens = reading.tokens
    config = GenerationConfig(
        strategy="beam", num_beams=num_beams, max_new_tokens=max_new_tokens
    )
    eos = tokenizer.eos_id if config.stop_at_eos else None
    search = beam_search(model, tokens, config, eos)
    return Beam(search, greedy_text(model, tokens, config, eos), tokenizer)


def _packed(node: BeamCandidate, piece: str) -> dict[str, Any]:
    return {
        "parent": node.parent,
        "step": node.step,
        "rank": node.rank,
        "token": node.token,
        "piece": piece,
        "logProb": float(node.log_prob),
        "cumulative": float(node.cumulative),
        "score": float(node.score),
        "status": node.status,
        "reason": node.reason,
        "returned": node.returned,
    }
