"""What a head looks for and what it moves, from its weights: a tab of the explorer."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import ModelConfig
from minigpt.interpret.positions.embedding_space import sampled_tokens
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.weights.copying import copying, share_raising_itself
from minigpt.interpret.weights.token_maps import (
    Map,
    explain_ov,
    explain_qk,
    ov_map,
    qk_map,
)
from minigpt.model import TransformerLM
from minigpt.tokenizers.inspection.splits import whole_form
from pages.frame import notebook, provenance, state
from pages.frame.reading import Place
from pages.frame.remember import remember
from pages.frame.words import number, plain
from pages.head_explorer import vectors
from viz.attribution import signed_bars
from viz.circuits.token_map import MOST, extremes, token_map
from viz.tokens import display_piece

TAB = "What it moves"

WRITES, LOOKS = VIEWS = ("What it writes (OV)", "What it looks for (QK)")

SAMPLE = 1000
"""Tokens of a larger vocabulary on which copying is counted."""


class Asked(NamedTuple):
    """One row of a map of one head."""

    layer: int
    head: int
    token: int
    """The id of the row."""
    piece: str
    distance: int | None
    """Of the key from the query; None: a map of what is written."""

    @property
    def name(self) -> str:
        """Of the head."""
        return f"L{self.layer}H{self.head}"

    def call(self, more: str = "") -> str:
        """Return the code that computes the map, or the part that `more` names."""
        far = "" if self.distance in (None, 1) else f", distance={self.distance}"
        function = "ov_map" if self.distance is None else "qk_map"
        return f"{function}(model, {self.layer}, {self.head}{more}{far})"


def show(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    """Show one of the head's circuits, one row of it, and the head's vectors."""
    asked = _ask(checkpoint, reading, place)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _show_map(checkpoint, reading, asked)
    with right:
        _show_row(checkpoint, asked)
    st.caption(left_out(checkpoint.model.config, asked))
    vectors.show(checkpoint, reading, place)


def _ask(checkpoint: Checkpoint, reading: Reading, place: Place) -> Asked:
    """Let the reader choose a circuit, a token, and with RoPE a distance."""
    config = checkpoint.model.config
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control(
            "Circuit of the head",
            VIEWS,
            default=WRITES,
            required=True,
            key="moved_view",
            label_visibility="collapsed",
            **state.BOUND,
        )
        distance = 1
        if view == LOOKS and config.positional_encoding == "rope":
            distance = st.number_input(
                "Tokens back",
                min_value=0,
                max_value=config.max_seq_len - 1,
                value=min(1, config.max_seq_len - 1),
                key="moved_distance",
                width=130,
                help="RoPE turns queries and keys by their distance.",
                **state.BOUND,
            )
        st.space("stretch")
        typed = st.text_input(
            "Token",
            key="moved_token",
            max_chars=40,
            placeholder="or type a token",
            width=170,
            help="Otherwise it is the token that is chosen in the prompt.",
            **state.BOUND,
        )
    ids = whole_form(checkpoint.tokenizer, typed) if typed else []
    token = ids[0] if ids else reading.tokens[place.token]
    (piece,) = checkpoint.tokenizer.pieces([token])
    far = distance if view == LOOKS else None
    return Asked(place.layer, place.head, token, piece, far)


def _show_map(checkpoint: Checkpoint, reading: Reading, asked: Asked) -> None:
    """Show a small vocabulary whole, of a larger one the prompt's tokens."""
    size = checkpoint.model.config.vocab_size
    whole = size <= MOST
    ids = list(range(size)) if whole else list(dict.fromkeys(reading.tokens))[:MOST]
    values = _map(checkpoint.model, asked.layer, asked.head, ids, asked.distance)
    titles = ("is read", "is raised") if asked.distance is None else ("query", "key")
    st.markdown(
        f"**All {size} tokens**"
        if whole
        else f"**The prompt's {len(ids)} different tokens**, of {size:,}"
    )
    st.vega_lite_chart(
        token_map(
            checkpoint.tokenizer.pieces(ids),
            values,
            titles,
            _unit(asked),
            ids.index(asked.token) if asked.token in ids else None,
        ).spec
    )
    begin = notebook.opening()
    if not whole:
        begin += f"ids = list(dict.fromkeys(tokens[0].tolist()))[:{MOST}]\n"
    notebook.show(
        "token map",
        ov_map if asked.distance is None else qk_map,
        asked.call("" if whole else ", ids, ids"),
        drawn=values,
        begin=begin,
    )


def _show_row(checkpoint: Checkpoint, asked: Asked) -> None:
    """Show the largest and smallest of one token's row, and say what they mean."""
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    row = _row(model, *asked[:3], asked.distance)[0]
    pieces = tokenizer.pieces(range(len(row)))
    st.vega_lite_chart(signed_bars(*extremes(pieces, row), _unit(asked)).spec)
    most, least = int(row.argmax()), int(row.argmin())
    shown = [f"**{plain(display_piece(pieces[token]))}**" for token in (most, least)]
    numbers = [number(float(row[token])) for token in (most, least)]
    read = f"**{plain(display_piece(asked.piece))}**"
    if asked.distance is None:
        st.markdown(
            f"Reading {read}, {asked.name} raises {shown[0]} most ({numbers[0]}) and "
            f"lowers {shown[1]} most ({numbers[1]})."
        )
    else:
        st.markdown(
            f"Where {read} is the query, {asked.name} scores {shown[0]} highest "
            f"({numbers[0]}) and {shown[1]} lowest ({numbers[1]}); {read} itself gets "
            f"{number(float(row[asked.token]))}."
        )
    notebook.show(
        "one token's row",
        ov_map if asked.distance is None else qk_map,
        f"{asked.call(f', [{asked.token}]')}[0]",
        drawn=row,
    )
    _show_working(model, asked, most)
    if asked.distance is None:
        _show_copying(model, asked)


def _show_working(model: TransformerLM, asked: Asked, column: int) -> None:
    """Show how one number of the row is worked out."""
    function: Callable[..., object]
    if asked.distance is None:
        working, function = explain_ov(model, *asked[:3], column), explain_ov
    else:
        pair = (asked.token, column)
        working = explain_qk(model, *asked[:2], pair, asked.distance)
        function = explain_qk
    name = f"{asked.call()}[{asked.token}, {column}]"
    provenance.show_working(name, working, function)


def _show_copying(model: TransformerLM, asked: Asked) -> None:
    """Say whether the head raises what it reads, beside what random heads do."""
    found = _copying(model)
    score = float(found.scores[asked.layer, asked.head])
    band = f"{number(found.low)} to {number(found.high)}"
    if found.low <= score <= found.high:
        said = (
            f"**The copying score is {number(score)}**, within what random heads have:"
        )
    else:
        verdict = "copies" if score > 0 else "lowers what it reads"
        said = f"**{asked.name} {verdict}: its copying score is {number(score)}**, and"
        said += " random heads have"
    share, count = _raising_itself(model, asked.layer, asked.head)
    st.markdown(
        f"{said} {band}. For {share:.0%} of {count:,} tokens, reading one raises that "
        "same token most."
    )
    notebook.show("copying", copying, "copying(model).scores", drawn=found.scores)


def left_out(config: ModelConfig, asked: Asked) -> str:
    """Say what a map is about, and where it is the model's own number."""
    scheme = config.positional_encoding
    there = {
        "positions": scheme in ("learned", "sinusoidal"),
        "the token shift": config.token_shift,
    }
    added = [name for name, is_added in there.items() if is_added]
    absent = ", ".join(["other tokens", *added])
    words = (
        "From the weights, for each token's embedding alone, as the norm of layer "
        f"{asked.layer} passes it on: {absent} and earlier layers are left out. "
    )
    if asked.distance is None:
        return words + (
            "The numbers are what reading a token with a weight of 1 adds to each "
            "logit, before the last norm divides by its scale; a row's mean is 0."
        )
    words += f"Scores before the softmax{_at_distance(scheme, asked.distance)}"
    if asked.layer == 0 and not added:
        words += " In this first layer, they are the scores in any text."
    return words


def _at_distance(scheme: str, distance: int) -> str:
    if scheme == "rope":
        return f", with the key {distance} tokens before the query."
    if scheme in ("alibi", "relative"):
        return (
            ", with the key just before the query; at any other distance, every score "
            "changes by the same number."
        )
    return "."


def _unit(asked: Asked) -> str:
    return "logit × scale" if asked.distance is None else "score"


@remember(64, spinner="Multiplying the head's matrices …")
def _map(
    model: TransformerLM, layer: int, head: int, ids: list[int], distance: int | None
) -> Map:
    if distance is None:
        return ov_map(model, layer, head, ids, ids)
    return qk_map(model, layer, head, ids, ids, distance)


@remember(256)
def _row(
    model: TransformerLM, layer: int, head: int, token: int, distance: int | None
) -> Map:
    if distance is None:
        return ov_map(model, layer, head, [token])
    return qk_map(model, layer, head, [token], None, distance)


_copying = remember(32, spinner="Scoring what every head copies …")(copying)


@remember(256)
def _raising_itself(model: TransformerLM, layer: int, head: int) -> tuple[float, int]:
    tokens = sampled_tokens(model.config.vocab_size, SAMPLE).tolist()
    return share_raising_itself(model, layer, head, tokens), len(tokens)
