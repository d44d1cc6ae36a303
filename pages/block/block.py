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
from pages.block.numbers import block_of, stages_of
from pages.frame import lesson, models, notebook, provenance
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.frame.reading import Place, read_at_place
from viz.components.residual_block.view import BlockSheet, NeuronShown, residual_block
from viz.residual import stream_chart, stream_table


def pick_head(head: int) -> None:
    """Remember the head that was clicked, for this page and the others."""
    st.session_state["head"] = head


def show_block(
    checkpoint: Checkpoint, reading: Reading, place: Place, view: BlockView
) -> tuple[str, tuple[int, ...]]:
    """Show the road and its branches; return the number that is traced below."""
    here = str(models.chosen_path(models.chosen_entry())), *reading.tokens, *place
    kept, number = st.session_state.get("_picked_number", (None, None))
    picked = number if kept == here else None

    def pick(chosen: tuple[str, tuple[int, ...]] | None) -> None:
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
        st.altair_chart(stream_chart(names, kinds, added, stream, place.layer))
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


tour_button = lesson.open(
    "Multi-head and block",
    "Heads **move** information between tokens, MLPs **transform** it, the "
    "residual stream **keeps** it.",
)
with guard():
    checkpoint = models.chosen()
    reading, place = read_at_place(checkpoint)
    view = block_of(checkpoint.model, reading.tokens, place.layer, place.token)
    piece = reading.pieces[place.token]
    tour.offer(tour_button, lambda: block_tour.stops(reading, place, view))
    predict([questions.writes_more(view, piece)])
    hook, index = show_block(checkpoint, reading, place, view)
    with st.container(horizontal=True, vertical_alignment="center"):
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
    lesson.explain(
        "The residual stream of a token is one vector. Attention and the MLP "
        "each read it through a norm, which rescales it, and **add** their "
        "result to it. Heads fetch information from other tokens: the z of all "
        "heads, put side by side and multiplied by W_O, is the sum of what each "
        "head writes. The MLP looks at this token alone. Each neuron responds to "
        "one pattern in the vector; where it is active, it adds its own output "
        "vector, which raises some tokens' logits. What was there before stays "
        "in the sum, so later blocks can still read it.",
        Block,
        LayerNorm if checkpoint.model.config.norm == "layernorm" else RMSNorm,
        FeedForward,
    )
    check([[each] for each in questions.checks(view, piece)])
