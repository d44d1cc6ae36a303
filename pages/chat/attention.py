"""From an answer back to the question: what each head read as it was written."""

import math
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.story import Story
from minigpt.datasets.tales.talk import words_of_fact
from minigpt.finetuning.chat import ready_to_chat
from minigpt.interpret.reading.answer import (
    Rows,
    places_of,
    rows_that_wrote,
    strongest_head,
    weight_on,
)
from minigpt.interpret.reading.prompt import attention_patterns
from minigpt.model import LanguageModel
from pages.chat import reads, talk
from pages.chat import story as chat_story
from pages.chat.reads import Row
from pages.chat.talk import Asking
from pages.frame import notebook, provenance, state
from pages.frame.controls import keyboard
from pages.frame.place import shared_place
from pages.frame.reading import pick_head
from pages.frame.remember import remember
from viz.components.chat_tokens.view import SpokenTokens, chat_tokens
from viz.components.value_grid.view import Grid, value_grid
from viz.tokens import display_piece

RIGHT, SAME, ASKED = "the right answer", "the same token", "the question"


class Sight(NamedTuple):
    """One written token, and all heads at the moment when it was written."""

    row: Row
    place: int
    rows: Rows
    targets: dict[str, list[int]]
    """By name, the places in the conversation that may matter to it."""


def show(asking: Asking, story: Story | None, below: DeltaGenerator) -> None:
    """Show one head's row over the conversation, and all heads in numbers.

    Args:
        asking: How a question is put now.
        story: What is talked about, if it is a built-in story.
        below: Where the numbers of all heads go.

    Raises:
        DataError: If the model has no attention.
    """
    if not talk.current().turns:
        st.caption("Ask something, then click a token of the answer.")
        return
    row = reads.last_row(asking, story)
    if row is None or not row.written or talk.under_way():
        st.caption("When the answer is complete, click one of its tokens.")
        return
    sight = look(row, story)
    target = _choose_target(sight)
    weights = weight_on(sight.rows, sight.targets[target]) if target else None
    layers, heads, _ = sight.rows.shape
    best = (0, 0) if weights is None else strongest_head(weights)
    layer = shared_place("layer", range(layers), best[0])
    head = shared_place("head", range(heads), best[1])
    keyboard.offer(layer=layers, head=heads)
    keyboard.on_next(_next_token)
    _show_row(sight, layer, head, target)
    if target is not None and weights is not None:
        with below:
            _show_heads(sight, weights, (layer, head), target)


def look(row: Row, story: Story | None) -> Sight:
    """Open the chosen token of an answer, or the first that matters."""
    start, tokenizer = len(row.read), row.speaker.checkpoint.tokenizer
    question = talk.current().turns[-1].question
    right, first = where_it_matters(chat_story.known(story, question), row)
    place: int = st.session_state.get("_chat_token", first)
    place = place if start <= place < len(row.tokens) else first
    rows = rows_of(row.speaker.checkpoint.model, tuple(row.tokens), place)
    put = _places(question, row.read, tokenizer)
    count = len(tokenizer.encode(question))
    targets = {
        RIGHT: right,
        SAME: [each for each in range(place) if row.tokens[each] == row.tokens[place]],
        ASKED: put[-count:],
    }
    return Sight(row, place, rows, {name: at for name, at in targets.items() if at})


def where_it_matters(asked: Asked | None, row: Row) -> tuple[list[int], int]:
    """Find the right answer in what was read, and where the answer commits itself.

    Returns:
        The places that spell the right answer, and the first written token of a word
        that might answer, right or wrong (the first of all, if there is none).
    """
    start, tokenizer = len(row.read), row.speaker.checkpoint.tokenizer
    if asked is None:
        return [], start
    right = _places(words_of_fact(asked), row.read, tokenizer)
    said = [
        place
        for value in asked.question.candidates
        for place in _places(value, row.tokens, tokenizer)
    ]
    return right, min((place for place in said if place >= start), default=start)


_places = remember(256)(places_of)


@remember(
    64, shared=True, key=lambda model, tokens, place: (model, tokens[: place + 1])
)
def rows_of(model: LanguageModel, tokens: tuple[int, ...], place: int) -> Rows:
    """Return all heads' attention weights when a token was written."""
    return rows_that_wrote(model, tokens[: place + 1], place)


def _choose_target(sight: Sight) -> str | None:
    names = list(sight.targets)
    if not names:
        return None
    if st.session_state.get("chat_target") not in names:
        st.session_state.pop("chat_target", None)
    target: str = st.segmented_control(
        "Words that matter",
        names,
        default=names[0],
        required=True,
        key="chat_target",
        help="Choose what is underlined below: the right answer in the story, "
        "earlier occurrences of the token that was written, or the question.",
        **state.BOUND,
    )
    return target


def _show_row(sight: Sight, layer: int, head: int, target: str | None) -> None:
    row, place = sight.row, sight.place
    weights = sight.rows[layer, head].tolist()
    strongest = max(range(place), key=weights.__getitem__)
    pieces = row.pieces
    wrote, reader, read = (
        display_piece(pieces[each]) for each in (place, place - 1, strongest)
    )
    tokens = SpokenTokens(
        pieces,
        row.speakers,
        weights=[*weights, *[math.nan] * (len(pieces) - place)],
        marked=[] if target is None else sight.targets[target],
        query=place - 1,
        choices=range(len(row.read), len(pieces)),
    )
    chat_tokens(
        tokens,
        key="chat_row",
        rest=f"{wrote} was written at {reader}: there L{layer}H{head} reads {read} "
        f"most, with weight {weights[strongest]:.3f}.",
        selected=place,
        on_select=_pick_token,
    )
    provenance.show(
        row.speaker.checkpoint,
        row.tokens[:place],
        f"blocks.{layer}.attn.hook_pattern",
        (0, head, place - 1, strongest),
    )
    notebook.show(
        "the row that wrote a token",
        attention_patterns,
        f"attention_patterns(model, {row.tokens[:place]})[{layer}, {head}, -1]",
        drawn=sight.rows[layer, head],
        begin=row.speaker.opening,
        also=[ready_to_chat],
    )


def _show_heads(
    sight: Sight, weights: Rows, here: tuple[int, int], target: str
) -> None:
    most = strongest_head(weights)
    st.caption(
        f"Of all heads, **L{most[0]}H{most[1]}** reads {target} most: "
        f"{weights[most]:.2f} of its row. Reading is not the same as causing: "
        "ablate the head (switch it off) on the Intervene page."
    )
    value_grid(
        Grid.of_heads(
            weights,
            "of the row",
            lambda layer, head: (
                f"L{layer}H{head} gives {weights[layer, head]:.3f} of its row to "
                f"{target}"
            ),
            limit=1.0,
        ),
        key="chat_heads",
        selected=here,
        on_select=pick_head,
    )
    read, places = sight.row.tokens[: sight.place], [*sight.targets[target]]
    notebook.show(
        "all heads on the words that matter",
        attention_patterns,
        f"attention_patterns(model, {read})[..., -1, {places}].sum(-1)",
        drawn=weights,
        begin=sight.row.speaker.opening,
        also=[ready_to_chat],
    )


def _pick_token(place: int | None) -> None:
    if place is not None:
        st.session_state["_chat_token"] = place


def _next_token() -> None:
    """Go to the next token of the answer; after the last, to the first."""
    answer = talk.current().turns[-1].answer
    start, end = len(answer.read), len(answer.read) + len(answer.tokens)
    place = st.session_state.get("_chat_token", start) + 1
    st.session_state["_chat_token"] = place if place < end else start
