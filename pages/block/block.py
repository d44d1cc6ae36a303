"""Multi-head and block: one token through both sublayers, number by number.

Learning goal: heads move information between tokens, MLPs transform it, and the
residual stream remembers.
"""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.block_view import BlockView, firing_neurons
from minigpt.model import Block, FeedForward, LayerNorm, RMSNorm
from minigpt.textbook.stream import block_sum, stream_norms
from pages.block import questions
from pages.block import tour as block_tour
from pages.block.numbers import block_of, opening_of, stages_of
from pages.frame import lesson, models, notebook, opening, provenance
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.look import present
from pages.frame.place import dotted, linked, undotted, write
from pages.frame.questions import check, predict
from pages.frame.reading import Place, read_at_place
from viz.components.residual_block.view import BlockSheet, NeuronShown, residual_block
from viz.residual import stream_chart, stream_table
from viz.vega_lite.lettering import enlarged

# A hook's name within the block, and the place in its values. (Not as a text by itself:
# in the file of a page, Streamlit would write it on the page.)
Number = tuple[str, tuple[int, ...]]


def pick_head(head: int) -> None:
    """Remember the head that was clicked, for this page and the others."""
    st.session_state["head"] = head


def picked_number(sheet: BlockSheet, here: tuple[object, ...]) -> Number | None:
    """Return the number that was clicked in this block, and keep the URL in step.

    Args:
        sheet: What the block shows.
        here: What tells this block and token from all others.
    """

    def read(word: str) -> tuple[object, Number]:
        hook, _, places = word.partition(":")
        number = hook, undotted(places)
        row = sheet.rows.index((hook, number[1][:-1]))
        if not sheet.holds((row, number[1][-1])):
            raise ValueError(f"{word!r} is not a number of this block.")
        return here, number

    kept, number = linked("number", "_picked_number", read) or (None, None)
    picked: Number | None = number if kept == here else None
    write("number", picked and f"{picked[0]}:{dotted(picked[1])}")
    return picked


def show_block(
    checkpoint: Checkpoint, reading: Reading, place: Place, view: BlockView
) -> Number:
    """Show the road and its branches; return the number that is traced below."""
    here = str(models.chosen_path(models.chosen_entry())), *reading.tokens, *place

    def pick(chosen: Number | None) -> None:
        st.session_state["_picked_number"] = (here, chosen)

    sheet = BlockSheet(
        reading.pieces,
        view,
        reading.patterns[place.layer],
        [
            NeuronShown(
                neuron.index,
                neuron.activation,
                neuron.norm,
                checkpoint.tokenizer.pieces(neuron.promotes),
            )
            for neuron in firing_neurons(checkpoint.model, view, count=5)
        ],
        st.session_state.get(block_tour.PART),
    )
    picked = picked_number(sheet, here)
    residual_block(
        sheet,
        key=block_tour.ROAD,
        head=place.head,
        picked=picked,
        on_head=pick_head,
        on_pick=pick,
    )
    return picked or ("hook_resid_post", (0,))


def show_stream(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    """Show the token's stream through all blocks, and what each part adds."""
    stages = stages_of(checkpoint.model, reading.tokens)
    names = [
        stage.kind if stage.kind == "embedding" else f"L{stage.layers[0]} {stage.kind}"
        for stage in stages
    ]
    kinds = [stage.kind for stage in stages]
    added = [float(stage.added[place.token]) for stage in stages]
    stream = [float(stage.stream[place.token]) for stage in stages]
    with st.container(key=block_tour.STREAM):
        st.subheader("The stream, from the first block to the last", anchor=False)
        chart = stream_chart(names, kinds, added, stream, place.layer)
        st.vega_lite_chart((enlarged(chart) if present.is_on() else chart).spec)
    with st.container(horizontal=True):
        hooks = [stage.stream_name for stage in stages]
        notebook.show(
            "the stream",
            stream_norms,
            f"stream_norms(model, tokens, {hooks})[:, {place.token}]",
            drawn=stream,
        )
        with st.popover("Table", icon=":material/table:", type="tertiary"):
            st.dataframe(stream_table(names, kinds, added, stream), hide_index=True)


def show_figures(
    checkpoint: Checkpoint, reading: Reading, place: Place, view: BlockView
) -> None:
    """Show the block and the stream through all blocks, explain, and ask."""
    hook, index = show_block(checkpoint, reading, place, view)
    notebook.show(
        "the block",
        block_sum,
        f"block_sum(model, tokens, {place.layer}, position={place.token})",
        drawn={
            "heads": view.head_norms,
            "attention": view.attn_out,
            "after": view.resid_post,
        },
    )
    provenance.show(
        checkpoint,
        reading.tokens,
        f"blocks.{place.layer}.{hook}",
        (0, place.token, *index),
    )
    show_stream(checkpoint, reading, place)
    norm = LayerNorm if checkpoint.model.config.norm == "layernorm" else RMSNorm
    lesson.explain(WORDS, Block, norm, FeedForward)
    if checkpoint.model.config.parallel_mlp:
        lesson.formula(PARALLEL_FORMULA, PARALLEL_FORMULA_IN_WORDS)
    else:
        lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.checks(checkpoint, reading, place))


WORDS = (
    "A model needs a place where everything found out about a token is kept. This is "
    "its residual stream, one vector. Attention and the MLP each read it through a "
    "norm, which brings it to a standard size, and **add** their result to it. Heads "
    "fetch information from other tokens. Their outputs z, side by side and multiplied "
    "by W_O, give the sum of what each head writes. The MLP looks at this token alone. "
    "Each neuron responds to one pattern in the vector; where it is active, it adds "
    "its own output vector, which raises some tokens' logits. What was there before "
    "stays in the sum, so later blocks can still read it."
)

FORMULA = (
    r"r' = r + \sum_h W_O^{(h)} z^{(h)}(\mathrm{norm}_1(r)), \qquad "
    r"r'' = r' + \mathrm{MLP}(\mathrm{norm}_2(r'))"
)
FORMULA_IN_WORDS = (
    "*r* is the residual stream of one token as it comes into the block. Each head *h* "
    "turns its output z into a vector of the stream's size, by its own part of $W_O$, "
    "and adds it; this makes *r′*. The MLP then adds its result; this makes *r″*, "
    "which leaves the block. Both read the stream through a norm."
)

PARALLEL_FORMULA = (
    r"r'' = r + \sum_h W_O^{(h)} z^{(h)}(\mathrm{norm}_1(r)) "
    r"+ \mathrm{MLP}(\mathrm{norm}_2(r))"
)
PARALLEL_FORMULA_IN_WORDS = (
    "*r* is the residual stream of one token as it comes into the block. Each head *h* "
    "turns its output z into a vector of the stream's size, by its own part of $W_O$, "
    "and adds it; the MLP adds its result, too; this makes *r″*, which leaves the "
    "block. In this model both read *r*, each through a norm of its own: the MLP works "
    "beside the heads and does not wait for them."
)

tour_button = lesson.open(
    "Multi-head and block",
    "Heads **move** information between tokens, MLPs **transform** it, the "
    "residual stream **keeps** it.",
)
with guard():
    checkpoint = models.chosen()
    found = opening.begin(opening_of, checkpoint)
    reading, place = read_at_place(checkpoint)
    if found is not None:
        opening.offer(
            found,
            f"Opened at block {found.layer}, where one of the two vectors added here "
            f"is {found.effects['ratio']:.1f} times as long as the other.",
        )
    view = block_of(checkpoint.model, reading.tokens, place.layer, place.token)
    tour.offer(tour_button, lambda: block_tour.stops(reading, place, view))
    if predict(
        questions.predictions(checkpoint, reading, place),
        questions.seen(checkpoint, reading, place),
    ):
        show_figures(checkpoint, reading, place, view)
