"""The figures of beam search: the tree, one node's number, and the texts found."""

import streamlit as st

from minigpt.generation.beam.paths import log_normalizer
from minigpt.generation.beam.tree import ScoredText
from minigpt.textbook.beam import candidate_sums, sum_of_log_probs
from pages.beam_search import settings, tour
from pages.beam_search.numbers import Found, Source, look_further
from pages.beam_search.words import against_all, against_greedy, captions
from pages.frame import notebook, provenance
from pages.frame.guard import show_note
from pages.frame.words import plain
from viz.beams import candidate_table, nats, path_to, text_table
from viz.components.beam_tree.view import SearchTree, beam_tree
from viz.tokens import display_piece


def show_tree(source: Source, found: Found) -> None:
    """Show the tree, the lines behind it, and where a node's number comes from."""
    pieces = source.pieces([node.token for node in found.nodes])
    tree = SearchTree(
        found.nodes,
        pieces,
        prompt=source.pieces(source.tokens),
        captions=captions(found, source.checkpoint.model.config.vocab_size),
        paths=found.paths,
        length_penalty=source.config.length_penalty,
        step=st.session_state.get(tour.STEP),
    )
    selected = beam_tree(tree, key=tour.TREE)
    with st.container(horizontal=True, vertical_alignment="center"):
        _, _, config, eos_id = source.arguments
        steps = int(found.search.steps[-1])
        notebook.show(
            "the tree",
            candidate_sums,
            f"candidate_sums(model, tokens, {config.num_beams}, {steps}, {eos_id}, "
            f"{config.repetition_penalty})",
            drawn=found.search.cumulative,
            begin=source.opening,
        )
        _show_table(source, found)
        settings.offer_prompt(source.checkpoint, source.config)
    _trace(source, found, 0 if selected is None else selected)


def _show_table(source: Source, found: Found) -> None:
    paths = [path_to(found.nodes, node.id) for node in found.nodes]
    written = [
        source.written([found.nodes[each].token for each in path]) for path in paths
    ]
    with st.popover("Table", icon=":material/table:", type="tertiary"):
        st.caption("Every node of the tree. ln p, sum and score are in nats.")
        st.dataframe(
            candidate_table(found.nodes, written),
            hide_index=True,
            width=640,
            height=360,
            column_config=_numbers("ln p", "sum", "score"),
        )


def _trace(source: Source, found: Found, selected: int) -> None:
    """Show which logit of the model a node's ln p was made from."""
    node = found.nodes[selected]
    before = [found.nodes[each].token for each in path_to(found.nodes, selected)[:-1]]
    read = [*source.tokens, *before]
    piece = plain(display_piece(source.pieces([node.token])[0]))
    normalizer = log_normalizer(source.checkpoint.model, read)
    penalty = ""
    if source.config.repetition_penalty != 1.0 and node.token in read:
        penalty = (
            f", times {source.config.repetition_penalty:g} because it occurred before"
        )
    st.caption(
        f"ln p of “**{piece}**” at step {node.step} is "
        f"{plain(nats(node.log_prob, 4))}: this logit minus ln Σ exp(logits), "
        f"{plain(nats(normalizer, 4))}{penalty}."
    )
    index = (0, len(read) - 1, node.token)
    provenance.show(source.checkpoint, read, "logits", index)


def show_texts(source: Source, found: Found) -> None:
    """Show the texts found, greedy's and the best of all, with their scores."""
    st.subheader("The texts found", anchor=False)
    texts: dict[str, ScoredText] = {
        f"beam #{place}": text
        for place, text in enumerate(found.search.sequences, start=1)
    }
    texts["greedy"] = found.greedy
    if found.best_of_all is not None:
        texts["best of all ◆"] = found.best_of_all.text
    left, right = st.columns([3, 2], gap="medium")
    with left:
        written = {name: source.written(text.tokens) for name, text in texts.items()}
        st.dataframe(text_table(texts, written), column_config=_numbers("sum", "score"))
        penalty = source.config.repetition_penalty
        notebook.show(
            "the texts",
            sum_of_log_probs,
            f"[sum_of_log_probs(model, tokens, written, {penalty}) for written in "
            f"{[text.tokens for text in texts.values()]}]",
            drawn=[text.cumulative for text in texts.values()],
            begin=source.opening,
        )
    with right:
        words = against_greedy(found)
        st.markdown(f"**Against greedy:** {plain(words)}")
        _show_best_of_all(source, found)


def _show_best_of_all(source: Source, found: Found) -> None:
    best = found.best_of_all
    if best is not None:
        st.markdown(f"**Against all texts:** {plain(against_all(found))}")
        st.caption(
            f"This is certain: {best.num_read:,} beginnings were read, and every "
            "other beginning was already less likely than a complete text."
        )
        return
    show_note(f"The best of all texts is not known. {found.refusal}")
    if st.button(
        "Search further", icon=":material/travel_explore:", key="look_further"
    ):
        look_further(source, found.best)
        st.rerun()


def _numbers(*columns: str) -> dict[str, object]:
    number = st.column_config.NumberColumn(format="%.3f")
    return dict.fromkeys(columns, number)
