"""Predict and Check of "Multi-head and block", answered by the block on the screen."""

from minigpt.interpret.stream.block_view import BlockView, length
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import display_piece

CLEAR = 1.05
"""Two lengths whose ratio is smaller are a tie: nobody should guess between them."""


def writes_more(view: BlockView, piece: str) -> Question:
    """Ask which sublayer adds more; where that is no question, which head."""
    if view.mlp_out is None:
        return _strongest_head(view, piece) or _grows(view, piece)
    attention, mlp = length(view.attn_out), length(view.mlp_out)
    if max(attention, mlp) < CLEAR * min(attention, mlp):
        return _strongest_head(view, piece) or _grows(view, piece)
    return Question(
        "block.sublayers",
        f"What adds the longer vector to the stream of **{_word(piece)}** in block "
        f"{view.layer}?",
        ["the heads together", "the MLP"],
        int(mlp > attention),
        f"Attention adds a vector of length {attention:.2f}, the MLP one of {mlp:.2f}.",
    )


def _strongest_head(view: BlockView, piece: str) -> Question | None:
    """Ask which head writes most; None where that is a tie or no choice."""
    norms = view.head_norms
    order = sorted(range(len(norms)), key=lambda head: -norms[head])[:4]
    if len(order) < 2 or norms[order[0]] < CLEAR * norms[order[1]]:
        return None
    shown = sorted(order)
    return Question(
        "block.head",
        f"Which head writes the longest vector to the stream of **{_word(piece)}**?",
        [f"L{view.layer}H{head}" for head in shown],
        shown.index(order[0]),
        f"Its result has length {norms[order[0]]:.2f}.",
    )


def _grows(view: BlockView, piece: str) -> Question:
    before, after = length(view.resid_pre), length(view.resid_post)
    return Question(
        "block.grows",
        f"Does the stream vector of **{_word(piece)}** get longer in block "
        f"{view.layer}?",
        ["yes", "no"],
        int(after <= before),
        f"Its length goes from {before:.2f} to {after:.2f}.",
    )


def checks(view: BlockView, piece: str) -> list[Question]:
    """Ask what the numbers of this block come to."""
    return [
        _added(view, piece),
        _normalized(view),
        _fired(view, piece) if view.activations is not None else _concatenated(view),
    ]


def _added(view: BlockView, piece: str) -> Question:
    before, added = length(view.resid_pre), length(view.attn_out)
    after = f"{length(view.resid_mid):.2f}"
    options = {after, f"{before + added:.2f}", f"{abs(before - added):.2f}"}
    options = sorted({*options, f"{added:.2f}"}, key=float)
    return Question(
        "block.added",
        f"The stream of **{_word(piece)}** has length {plain(f'{before:.2f}')}, and "
        f"attention adds a vector of length {plain(f'{added:.2f}')}. How long is the "
        "sum?",
        options,
        options.index(after),
        "Vectors are added number by number; their lengths do not simply add up, "
        "because the two point in different directions.",
    )


def _normalized(view: BlockView) -> Question:
    size = float((view.ln1.normalized**2).mean())
    before = float((view.resid_pre**2).mean())
    right = f"{size:.2f}"
    options = {right, f"{before:.2f}", f"{before / 2:.2f}", f"{size + 1:.2f}"}
    options = sorted(options, key=float)
    return Question(
        "block.norm",
        f"The mean square of the numbers in x is {plain(f'{before:.2f}')}. What "
        "is it after the norm?",
        options,
        options.index(right),
        f"Each number was divided by the scale, {view.ln1.scale:.3f}.",
    )


def _fired(view: BlockView, piece: str) -> Question:
    assert view.activations is not None
    neurons, fired = len(view.activations), view.fired
    options = sorted({fired, neurons, neurons // 2, 1})
    return Question(
        "block.fired",
        f"How many of the {neurons} neurons are active at **{_word(piece)}**?",
        [str(option) for option in options],
        options.index(fired),
        f"{fired} have an activation above 0: {100 * fired / neurons:.0f}%.",
    )


def _concatenated(view: BlockView) -> Question:
    heads, d_head = view.z.shape
    options = sorted({heads * d_head, d_head, heads, 2 * heads * d_head})
    return Question(
        "block.concat",
        f"{heads} heads, each with a z of {d_head} numbers: how many numbers go into "
        "W_O?",
        [str(option) for option in options],
        options.index(heads * d_head),
        "The z of all heads are put side by side: that many numbers.",
    )


def _word(piece: str) -> str:
    return plain(display_piece(piece))
