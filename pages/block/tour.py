"""The tour of "Multi-head and block": one token's way through one block."""

from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.block_view import BlockView, length
from pages.frame.controls.tour import Stop
from pages.frame.reading import Place
from pages.frame.words import quoted

ROAD, STREAM, PART = "block_road", "block_stream", "_block_part"
"""Two regions, and in the session: the part of the block to stand at."""


def stops(reading: Reading, place: Place, view: BlockView) -> list[Stop]:
    """Write the tour of the block on the screen.

    Args:
        reading: The prompt, as the model reads it.
        place: The block and the token.
        view: What the block does to this token.
    """
    return [
        *_attention(reading, place, view),
        *_mlp(view),
        *_others(reading, place),
    ]


def _attention(reading: Reading, place: Place, view: BlockView) -> list[Stop]:
    name = quoted(reading.pieces[place.token])
    heads, width = len(view.results), len(view.resid_pre)
    each = f"{heads} heads look back at other tokens, each in its own way"
    if heads == 1:
        each = "One head looks back at other tokens"
    return [
        _at(
            "before",
            f"{name} comes into block {view.layer} as a list of {width} numbers. It "
            "runs along the bottom like a road, and its width shows how long the list "
            "is as a vector. This road is called the residual stream. (A dot stands "
            "for a space.)",
        ),
        _at(
            "ln1",
            "A side road branches off: a copy of the list, brought to a standard size "
            "so that it can be read equally well whether it is long or short. That "
            "step is called the norm. The road itself stays as it is.",
        ),
        _at(
            "heads",
            f"{each}. Every small picture is one head: a row for each token that "
            "looks, a column for each token that is looked at, darker where it takes "
            "more.",
        ),
        _at(
            "output",
            "What the heads bring back is laid end to end and turned into a list as "
            f"wide as the road, {width} numbers. The matrix that does it is called "
            "W_O, the output projection.",
        ),
        _at(
            "middle",
            "The side road joins: the new list, of length "
            f"{length(view.attn_out):.1f}, is added. The road had length "
            f"{length(view.resid_pre):.1f} and now has "
            f"{length(view.resid_mid):.1f}. Nothing on it was erased.",
        ),
    ]


def _mlp(view: BlockView) -> list[Stop]:
    if view.mlp_out is None or view.activations is None:
        return []
    road = "The second side road"
    if view.parallel:
        road += ", which in this model branches off where the first does,"
    return [
        _at(
            "mlp",
            f"{road} works on this token alone. It holds "
            f"{len(view.activations):,} small detectors, each waiting for one pattern "
            f"in the list; {view.fired:,} respond here. They are called neurons, and "
            "all of them together the MLP.",
        ),
        _at(
            "after",
            "Each neuron that responds adds a list of its own. Together they have "
            f"length {length(view.mlp_out):.1f}, and the road leaves the block with "
            f"length {length(view.resid_post):.1f}.",
        ),
    ]


def _others(reading: Reading, place: Place) -> list[Stop]:
    """Leave this block and this token."""
    layers = len(reading.patterns)
    other = 0 if place.layer else layers - 1
    first = quoted(reading.pieces[0])
    return [
        Stop(
            STREAM,
            f"This was one of {layers} blocks. Here is the road through all of them: "
            f"every part only adds to it. Block {other} is marked now.",
            {PART: "after", "layer": other},
        ),
        Stop(
            ROAD,
            f"Any token can be followed. This is the first one, {first}: it has "
            "nothing before it to look back at, so every head looks only at the token "
            "itself.",
            {PART: "heads", "layer": place.layer, "token": 0},
        ),
    ]


def _at(part: str, words: str) -> Stop:
    return Stop(ROAD, words, {PART: part})
