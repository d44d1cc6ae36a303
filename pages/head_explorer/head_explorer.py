"""Head explorer: every head of the chosen model on your prompt, and one of them close.

Learning goal: a head is a table of weights, one row per token; what it looks like
depends on the text, and means little until it is held against untrained heads.
"""

import math

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.head_names import names_of_heads, untrained_habits
from minigpt.interpret.heads.held_out_scores import held_out_scores
from minigpt.interpret.heads.scores import HABITS, SCORES, strongest_read
from minigpt.interpret.openings.opening import Opening
from minigpt.interpret.reading.prompt import Reading
from minigpt.textbook import heads
from pages.frame import lesson, models, notebook, opening, provenance, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.place import linked, write
from pages.frame.questions import check, predict
from pages.frame.reading import Place, read_at_place
from pages.frame.words import plain
from pages.head_explorer import (
    built,
    composition,
    corpus,
    habits,
    held_out,
    moves,
    notes,
    pins,
    score_tabs,
    two_habits,
)
from pages.head_explorer import questions as head_questions
from pages.head_explorer import study as head_study
from pages.head_explorer import tour as head_tour
from pages.head_explorer.clicks import let_paint, pick_cell, pick_head, pick_row
from pages.head_explorer.held_out import HeldOutStudy
from pages.head_explorer.study import Study
from pages.head_explorer.tour import ELSEWHERE, FEWEST, WITHOUT
from viz.attention import pattern_table
from viz.components.attention_heatmap.view import attention_heatmap
from viz.components.head_grid.view import ScoreBars, deliver_patterns, head_grid
from viz.components.head_lines.view import head_lines

TABS = (
    *(habits.TAB, ELSEWHERE, "Every score", pins.TAB, "In its corpus", WITHOUT),
    *("Weights", moves.TAB, composition.TAB, built.TAB, notes.TAB),
)


def choose_score(num_heads: int) -> str:
    """Show the figure's title, and let the reader choose the score under each head."""
    title = f"All {num_heads} heads" if num_heads > 1 else "Its head"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(title, anchor=False)
        st.space("stretch")
        score: str = st.selectbox(
            "Bar under each head",
            SCORES,
            key="grid_score",
            format_func=score_tabs.name_of,
            label_visibility="collapsed",
            width=170,
            **state.BOUND,
        )
    return score


def show_all_heads(
    checkpoint: Checkpoint, reading: Reading, study: Study, place: Place
) -> None:
    """Show a thumbnail of every head, with a bar for one score and its band."""
    layers, per_layer, length, _ = reading.patterns.shape
    score = choose_score(layers * per_layer)
    values = getattr(study.scores, score)
    packed = head_study.packed_patterns(checkpoint, reading)
    head_grid(
        deliver_patterns(packed, key="patterns"),
        (place.layer, place.head),
        key=head_tour.GRID,
        bars=ScoreBars(
            values,
            score_tabs.name_of(score),
            limit=1.0 if score in HABITS else max(math.log(length), 1.0),
            band=None if study.band is None else study.band.edges(score),
        ),
        names=notes.names(),
        on_select=pick_head,
    )
    if values[0, 0] != values[0, 0]:
        st.caption("No token of this prompt is repeated, so there is nothing to score.")
        return
    st.caption(
        "The token of a row reads the tokens of the columns. Bar: mean over rows, "
        + ("0 to 1" if score in HABITS else "in nats")
        + "; mark and brackets: untrained heads, mean ± 2 sd."
    )
    notebook.show(
        "all heads",
        heads.SCORES[score],
        f"{score}(model, tokens)",
        drawn=values,
        also=[heads.patterns],
    )


def chosen_key(token: int) -> int | None:
    """Return the token that was clicked in the chosen row; the URL is kept in step."""
    read: int | None = linked("key", "_read", int)
    if read is not None and not 0 <= read <= token:
        read = None
    write("key", None if read is None else str(read))
    return read


def show_one_head(
    checkpoint: Checkpoint,
    reading: Reading,
    known: HeldOutStudy | None,
    place: Place,
) -> None:
    """Show one head's pattern, and the chosen cell with its origin."""
    layer, head, token = place
    pattern, pieces = reading.patterns[layer, head], reading.pieces
    view = show_heading(known, place)
    read = chosen_key(token)
    if read is None:
        read = strongest_read(pattern, pieces, token).key_position
    if view == head_tour.LINES:
        head_lines(
            pieces,
            reading.patterns[layer],
            (layer, head),
            # The last token is where the reader begins: then show every line.
            None if token == len(pieces) - 1 else token,
            key="head_as_lines",
            on_select=pick_row,
        )
        name, cells = "lines", (layer,)
    else:
        attention_heatmap(
            pieces, pattern, (token, read), key="head_as_map", on_select=pick_cell
        )
        name, cells = "heat map", (layer, head)
    habits.show_sentence(checkpoint, known, reading, place)
    hook = reading.hook_name(layer)
    cell = (0, head, token, read)
    provenance.show(checkpoint, reading.tokens, hook, cell, reading.streams)
    place_in_words = ", ".join(map(str, cells))
    notebook.show(
        name,
        heads.patterns,
        f"patterns(model, tokens)[{place_in_words}]",
        drawn=reading.patterns[cells],
    )


def show_heading(known: HeldOutStudy | None, place: Place) -> str:
    """Show the head's name, which is from held-out text, and the views of it."""
    layer, head, _ = place
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        label = held_out.label(known, layer, head)
        own = notes.names().get((layer, head))
        quoted = f" “{plain(own)}”" if own else ""
        st.subheader(f"L{layer}H{head}{quoted} · {label}", anchor=False)
        st.space("stretch")
        is_pinned = (layer, head) in pins.pins()
        st.button(
            "Unpin" if is_pinned else "Pin",
            icon=":material/keep_off:" if is_pinned else ":material/keep:",
            key="pin",
            type="tertiary",
            on_click=pins.pin,
            args=(layer, head),
            help=(
                "Keep this head on the page, and compare it with the next one you "
                "choose."
            ),
        )
        return st.segmented_control(
            "View of the head",
            head_tour.VIEWS,
            default=head_tour.MAP,
            required=True,
            key="pattern_view",
            label_visibility="collapsed",
            **state.BOUND,
        )


def show_tabs(
    checkpoint: Checkpoint,
    reading: Reading,
    texts: tuple[HeldOutStudy | None, Study, Study],
    place: Place,
) -> None:
    """Show what else there is to know of the head; closed tabs cost nothing."""
    known, here, there = texts
    places = st.tabs(TABS, key="head_tab", on_change="rerun", bind="query-params")
    tabs = dict(zip(TABS, places, strict=True))
    show = [
        lambda: habits.show_habits(checkpoint, known, reading, place),
        lambda: score_tabs.show_two_texts(here, there, place),
        lambda: two_habits.show_every_head((known, here, there), place),
        lambda: pins.show_side_by_side(reading, place),
        lambda: corpus.show_examples(checkpoint, place),
        lambda: corpus.show_without(checkpoint, reading, place),
        lambda: st.dataframe(
            pattern_table(reading.pieces, reading.patterns[place.layer, place.head])
        ),
        lambda: moves.show(checkpoint, reading, place),
        lambda: composition.show(checkpoint, place),
        lambda: built.show(place),
        lambda: notes.show(place),
    ]
    fill = dict(zip(TABS, show, strict=True))
    for name, tab in tabs.items():
        if tab.open:
            with tab, guard():
                fill[name]()


def show_figures(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    """Show all heads and one of them, explain what a name is worth, and ask.

    The head comes first, since it is what a click asks for, and it comes alone:
    `clicks` says why. The frame around its thumbnail is drawn without the server.
    """
    here = head_study.on_prompt(checkpoint, reading)
    known = held_out.of(checkpoint)
    left, right = st.columns([2, 3], gap="large")
    with right, st.container(key=head_tour.HEAD):
        show_one_head(checkpoint, reading, known, place)
    let_paint()
    with left:
        show_all_heads(checkpoint, reading, here, place)
    there = head_study.on_random_tokens(checkpoint)
    with st.container(key=head_tour.MORE):
        show_tabs(checkpoint, reading, (known, here, there), place)
    lesson.explain(WORDS, held_out_scores, untrained_habits, names_of_heads)
    check(head_questions.checks(checkpoint, reading, place))
    head_study.compute_bands()
    held_out.compute(checkpoint)


def show_opening(found: Opening | None) -> None:
    """Say why the page opened where it did. It answers the prediction: not before."""
    if found is None:
        return
    here, there = found.effects["here"], found.effects["there"]
    opening.offer(
        found,
        f"Opened at L{found.layer}H{found.head}: of all heads of this model, it is the "
        "one whose strongest habit on a prompt loses most on random tokens. That habit "
        f"takes {here:.2f} of the weight here, and {there:.2f} there.",
    )


WORDS = (
    "Each thumbnail is one head: a row is a token that reads, and the darker a cell, "
    "the more weight it gets. A line just below the diagonal: every token reads the "
    "one before it. A dark first column: all read the first token. A line further down "
    "appears where text repeats: each token reads what came next the last time, and so "
    "the model can copy.\n\nA score alone says little: near the start there are few "
    "tokens to read, so **untrained** heads score too. A few rows may be chance, so a "
    "head's **name** comes from text that the model did not learn from. It holds for "
    "such text only: on **random tokens, said twice**, the same head may do something "
    "else. And attention is not causation: *Without it* ablates the head (switches it "
    "off)."
)

tour_button = lesson.open(
    "Head explorer", "What a head seems to do depends on the text."
)
with guard():
    checkpoint = models.chosen()
    opened_at = opening.begin(head_study.opening_of, checkpoint)
    reading, place = read_at_place(checkpoint)
    if len(reading.tokens) >= FEWEST:
        tour.offer(tour_button, lambda: head_tour.stops(checkpoint, reading))
    if predict(
        head_questions.elsewhere(checkpoint, reading, place),
        seen=head_questions.most(checkpoint, reading),
    ):
        show_opening(opened_at)
        show_figures(checkpoint, reading, place)
