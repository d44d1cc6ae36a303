"""What to ablate: a list in the URL, and three ways to add to it with a click."""

from collections.abc import Callable, Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.interventions.interventions import (
    FROM_OTHER_TEXTS,
    Ablation,
    How,
    read_ablation,
)
from minigpt.interpret.interventions.parts import (
    Edge,
    Part,
    Token,
    parts_of_layer,
    require,
)
from minigpt.interpret.reading.prompt import Reading
from pages.frame import state
from pages.frame.guard import show_problem
from pages.frame.reading import choose_place
from viz.components.attention_heatmap.view import attention_heatmap
from viz.components.token_pieces.view import token_pieces
from viz.components.value_grid.view import Grid, value_grid

BECOMES = ("zero", "mean", "resample", "scale")
WAYS = ("A part", "One attention weight", "A token")


def set_ablations(ablations: Sequence[str], prompt: str | None = None) -> None:
    """Replace the list, and the prompt if one is given. Call this from a callback."""
    st.session_state["cut"] = list(ablations)
    if prompt is not None:
        st.session_state["prompt"] = prompt


def ablation_list(checkpoint: Checkpoint, length: int) -> list[Ablation]:
    """Show the ablations as chips, and return those that this model and text allow.

    Args:
        checkpoint: The chosen model.
        length: Tokens of the prompt.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    texts = row.multiselect(
        "What is ablated",
        st.session_state.get("cut", []),
        label_visibility="collapsed",
        key="cut",
        accept_new_options=True,
        placeholder="Nothing is ablated: click, or type L0H0 mean",
        help="Write a part (L0H1, attention0, MLP0, L0N12 for a neuron, L0H1[7,3], "
        "token3), then zero, mean, resample or a factor such as x0.5.",
        **state.BOUND,
    )
    history = _history(texts)
    row.button(
        "Undo",
        icon=":material/undo:",
        disabled=not history,
        help="Back to the list before." if history else "Nothing to undo yet.",
        on_click=_undo,
    )
    ablations = []
    for text in texts:
        try:
            ablation = read_ablation(text)
            require(ablation.part, checkpoint.model.config, length)
        except DataError as error:
            show_problem(f"{error} This ablation is left out.")
        else:
            ablations.append(ablation)
    return ablations


def choose(checkpoint: Checkpoint, reading: Reading, ablations: list[Ablation]) -> None:
    """Show a way to point at what to ablate, and at what replaces it."""
    way = st.segmented_control(
        "Point at",
        WAYS,
        default=WAYS[0],
        required=True,
        key="cut_way",
        **state.BOUND,
        label_visibility="collapsed",
    )
    if way == WAYS[0]:
        _choose_part(checkpoint, ablations)
    elif way == WAYS[1]:
        _choose_edge(reading)
    else:
        _choose_token(reading)
    _choose_what_becomes(way)


def _choose_what_becomes(way: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    options = BECOMES if way == WAYS[0] else ("zero", "scale")
    becomes = row.segmented_control(
        "It becomes",
        options,
        default="zero",
        required=True,
        key="becomes",
        **state.BOUND,
        on_change=_change_last,
        help="zero: all zeros. mean: its mean over all positions of held-out "
        "windows. resample: its values in another window. scale: a multiple of "
        "itself.",
    )
    if becomes == "scale":
        row.slider(
            "Factor",
            0.0,
            2.0,
            0.5,
            0.1,
            key="factor",
            **state.BOUND,
            on_change=_change_last,
            width=130,
        )
    if way != WAYS[0]:
        row.toggle(
            "Redistribute its weight",
            key="renormalize",
            **state.BOUND,
            on_change=_change_last,
            help=(
                "The other weights of the row grow, so that the row adds up to 1 again."
            ),
        )


def _choose_part(checkpoint: Checkpoint, ablations: list[Ablation]) -> None:
    model = checkpoint.model
    parts = [parts_of_layer(model, layer) for layer in range(model.config.num_layers)]
    made = {ablation.part: ablation for ablation in ablations}
    grid = Grid(
        [[_remains(made.get(part)) for part in row] for row in parts],
        rows=[f"L{layer}" for layer in range(len(parts))],
        columns=_columns(checkpoint),
        unit="how much of it is left",
        row_title="layer",
        texts=[[_printed(made.get(part)) for part in row] for row in parts],
        sentences=[[_sentence(part, made.get(part)) for part in row] for row in parts],
        limit=2.0 if any(_remains(ablation) > 1 for ablation in ablations) else 1.0,
        shrinks=True,
    )
    value_grid(
        grid,
        key="cut_parts",
        on_select=_picker(lambda cell: parts[cell[0]][cell[1]]),
    )


def _choose_edge(reading: Reading) -> None:
    layer, head, _ = choose_place(reading, keys=("layer", "head"))
    attention_heatmap(
        reading.pieces,
        reading.patterns[layer, head],
        key="cut_edge",
        on_select=_picker(lambda cell: Edge(layer, head, *cell)),
    )


def _choose_token(reading: Reading) -> None:
    token_pieces(
        reading.pieces, reading.tokens, key="cut_token", on_select=_picker(Token)
    )
    st.caption("No later token can read an ablated token, in any head of any layer.")


def _picker(part_at: Callable[..., Part]) -> Callable[[object], None]:
    """Return the callback of a figure: ablate what was clicked, or restore it."""

    def pick(place: object) -> None:
        if place is None:
            return
        try:
            part = part_at(place)
        except DataError:
            return  # a masked cell: nothing is read there
        ablations = {ablation.part: ablation for ablation in _readable()}
        new = Ablation(part, *_treatment(part))
        if ablations.pop(part, None) != new:
            ablations[part] = new
        set_ablations([str(ablation) for ablation in ablations.values()])

    return pick


def _change_last() -> None:
    """Change the last ablation to what is chosen now."""
    ablations = _readable()
    if ablations:
        part = ablations[-1].part
        ablations[-1] = Ablation(part, *_treatment(part))
        set_ablations([str(ablation) for ablation in ablations])


def _treatment(part: Part) -> tuple[How, bool]:
    """Return what is to become of a part, and whether its row is renormalized."""
    becomes = st.session_state.get("becomes") or "zero"
    how: How = st.session_state.get("factor", 0.5) if becomes == "scale" else becomes
    if not isinstance(part, Edge | Token):
        return how, False
    renormalize = bool(st.session_state.get("renormalize"))
    return ("zero" if how in FROM_OTHER_TEXTS else how), renormalize


def _readable() -> list[Ablation]:
    ablations = []
    for text in st.session_state.get("cut", []):
        try:
            ablations.append(read_ablation(text))
        except DataError:
            continue  # typed by hand, and said to be wrong where it is shown
    return ablations


def _history(texts: list[str]) -> list[list[str]]:
    """Return the lists before this one, the last one last."""
    history = st.session_state.setdefault("_cut_history", [])
    last = st.session_state.get("_cut_last")
    if last is not None and last != texts:
        history.append(last)
        del history[:-20]
    st.session_state["_cut_last"] = list(texts)
    return history


def _undo() -> None:
    before = st.session_state["_cut_history"].pop()
    st.session_state["_cut_last"] = before
    set_ablations(before)


def _columns(checkpoint: Checkpoint) -> list[str]:
    config = checkpoint.model.config
    heads = [f"H{head}" for head in range(config.num_heads)]
    return [*heads, "attn", *(["MLP"] if config.mlp_width else [])]


def _remains(ablation: Ablation | None) -> float:
    if ablation is None:
        return 1.0
    return 0.0 if isinstance(ablation.how, str) else ablation.how


def _printed(ablation: Ablation | None) -> str:
    if ablation is None:
        return "1"
    if isinstance(ablation.how, str):
        return {"zero": "0", "mean": "mean", "resample": "other"}[ablation.how]
    return f"×{ablation.how:g}"


def _sentence(part: Part, ablation: Ablation | None) -> str:
    if ablation is None:
        return f"{part} is intact: click to ablate it (switch it off)"
    return f"{ablation}: click to restore it"
