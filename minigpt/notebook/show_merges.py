"""A text's bytes, joined merge by merge into its tokens."""

from typing import Any

import traitlets

from minigpt.errors import DataError
from minigpt.notebook import pictures
from minigpt.notebook.inputs import model_and_tokenizer
from minigpt.notebook.widget import Figure
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.inspection.merge_tree import MergeNode, merge_tree
from minigpt.tokenizers.inspection.replay import replay


class Merges(Figure):
    """A row of pieces; each step joins one pair wherever it stands.

    `step` is how many merges are made, by the reader or by Python; `pieces` are what
    the text then consists of.
    """

    figure = "merges"
    mounted = ("merge_motion",)

    step = traitlets.Int(0).tag(sync=True)
    """How many merges of this text are made."""
    tree = traitlets.Dict(read_only=True).tag(sync=True)
    """The pieces' labels and the joins, as the app's view `merge_motion` takes them."""

    def __init__(self, nodes: list[MergeNode]) -> None:
        self.nodes = nodes
        """The text's bytes, then every join."""
        self.steps = replay(nodes)
        """Which joins each merge makes, in order."""
        steps = [
            {"rank": each.rank, "joins": [[*_parts(nodes[n]), n] for n in each.made]}
            for each in self.steps
        ]
        drawn = {"labels": [_label(node.piece) for node in nodes], "steps": steps}
        drawn["bytes"] = sum(node.parts is None for node in nodes)
        self.set_trait("tree", drawn)
        super().__init__()

    @property
    def pieces(self) -> list[bytes]:
        """What the text consists of after `step` merges."""
        return self._after(self.step)

    def _after(self, count: int) -> list[bytes]:
        made = {node for step in self.steps[:count] for node in step.made}
        starts = {n for n, node in enumerate(self.nodes) if node.parts is None} | made
        gone = {part for node in made for part in _parts(self.nodes[node])}
        row = sorted(starts - gone, key=lambda node: self.nodes[node].start)
        return [self.nodes[node].piece for node in row]

    @traitlets.validate("step")
    def _check_step(self, proposal: Any) -> int:
        step, last = proposal["value"], len(self.steps)
        if not 0 <= step <= last:
            raise DataError(
                f"step {step} lies outside: this text has 0 to {last} merges."
            )
        return int(step)

    def summary(self) -> str:
        """Say in one line what is shown."""
        tokens, count = len(self._after(len(self.steps))), self.tree["bytes"]
        return f"{count} bytes become {tokens} tokens in {len(self.steps)} merges."

    def picture(self) -> str:
        """Draw the bytes, and the tokens that they become, without a script."""
        rows = [("bytes", self._after(0)), ("tokens", self._after(len(self.steps)))]
        return pictures.rows_of_pieces(
            [(name, [_label(piece) for piece in pieces]) for name, pieces in rows]
        )


def merges(source: Any, text: str) -> Merges:
    """Show how a tokenizer of byte pairs joins a text's bytes into tokens.

    Args:
        source: What `minigpt.load` returns, or the tokenizer itself.
        text: A sentence.

    Raises:
        DataError: If the tokenizer has no merges, or the text is empty.
    """
    is_tokenizer = hasattr(source, "encode")
    tokenizer = source if is_tokenizer else model_and_tokenizer(source)[1]
    if not isinstance(tokenizer, BPETokenizer):
        raise DataError(
            f"A {type(tokenizer).__name__} has no merges to show: pass a BPETokenizer."
        )
    if not text:
        raise DataError("The text is empty: type at least one character.")
    return Merges(merge_tree(tokenizer, text))


def _parts(node: MergeNode) -> tuple[int, int]:
    return node.parts or (-1, -1)


def _label(piece: bytes) -> str:
    """Write bytes as text, or as numbers where they are half a character."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return piece.hex(" ").upper()
