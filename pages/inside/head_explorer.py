"""Head explorer: every head of the chosen model on your prompt, and one of them close.

Learning goal: a head is a table of weights, one row per token, and heads differ.
"""

import streamlit as st

from minigpt.interpret import HeadScores, head_scores, strongest_read
from minigpt.interpret.reading import Reading
from pages.frame import models, state
from pages.frame.guard import guard
from pages.frame.reading import choose_place, pick_head, read
from viz.attention import pattern_table
from viz.components import attention_heatmap, head_grid, head_lines

SCORES = {
    "previous token": "previous_token",
    "first token": "first_token",
    "itself": "self_token",
}
PATTERN_VIEWS = ("Heat map", "Lines")


def pick_cell(cell: tuple[int, int] | None) -> None:
    """Remember the cell that was clicked; None, after Esc, leaves the row."""
    st.session_state["_read"] = None
    if cell is not None:
        st.session_state["token"], st.session_state["_read"] = cell


def pick_row(token: int | None) -> None:
    """Remember the reading token that was clicked."""
    if token is not None:
        st.session_state["token"], st.session_state["_read"] = token, None


def show_all_heads(
    reading: Reading, scores: HeadScores, place: tuple[int, int]
) -> None:
    """Show a thumbnail of every head, with a bar for one score."""
    layers, heads = reading.patterns.shape[:2]
    st.subheader(f"All {layers * heads} heads", anchor=False)
    bar = st.session_state.get("grid_score", "previous token")
    head_grid(
        reading.patterns,
        place,
        key="all_heads",
        scores=getattr(scores, SCORES[bar]),
        score_name=bar,
        on_select=pick_head,
    )
    st.segmented_control(
        "Bar under each head",
        list(SCORES),
        default="previous token",
        required=True,
        key="grid_score",
        help="Mean weight on that token, over the rows of this prompt; 0 to 1.",
    )
    st.caption("Rows read, columns are read. Hover to enlarge, click to open.")


def show_one_head(
    reading: Reading, scores: HeadScores, place: tuple[int, int], token: int
) -> None:
    """Show one head's pattern, the chosen row in words, and where the number is."""
    layer, head = place
    pattern, pieces = reading.patterns[layer, head], reading.pieces
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"L{layer}H{head}", anchor=False)
        st.space("stretch")
        view = st.segmented_control(
            "View of the head",
            PATTERN_VIEWS,
            default="Heat map",
            required=True,
            key="pattern_view",
            label_visibility="collapsed",
            persist_state="session",
        )
    read = st.session_state.get("_read")
    if read is None or read > token:
        read = strongest_read(pattern, pieces, token).key_position
    # Above the figure, so that the number's origin is in sight without scrolling.
    name, shape = reading.hook_name(layer), [1, *reading.patterns.shape[1:]]
    st.code(
        f"{name}[0, {head}, {token}, {read}] = {pattern[token, read]:.4f}\n"
        f"shape {shape}  batch head q_pos k_pos",
        language=None,
    )
    if view == "Lines":
        head_lines(
            pieces,
            reading.patterns[layer],
            [head],
            # The last token is where the reader begins: then show every line.
            None if token == len(pieces) - 1 else token,
            key="head_as_lines",
            layer=layer,
            on_select=pick_row,
        )
    else:
        attention_heatmap(
            pieces, pattern, (token, read), key="head_as_map", on_select=pick_cell
        )


def show_tables(reading: Reading, scores: HeadScores, place: tuple[int, int]) -> None:
    """Show the numbers behind the figures, and the code that makes them."""
    with st.expander("Scores of every head", icon=":material/table:"):
        show_scores(scores)
    with st.expander("Weights of this head", icon=":material/table:"):
        st.dataframe(pattern_table(reading.pieces, reading.patterns[place]))
    with st.expander("Code", icon=":material/code:"):
        st.code(code(place), language="python", wrap_lines=True)


def show_scores(scores: HeadScores) -> None:
    """Show how each head behaves on this prompt, as a table."""
    layers, heads = scores.entropy.shape
    rows = [
        {
            "head": f"L{layer}H{head}",
            "previous token": scores.previous_token[layer, head],
            "first token": scores.first_token[layer, head],
            "itself": scores.self_token[layer, head],
            "entropy (nats)": scores.entropy[layer, head],
        }
        for layer in range(layers)
        for head in range(heads)
    ]
    weight = st.column_config.ProgressColumn(format="%.3f", min_value=0, max_value=1)
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            **dict.fromkeys(SCORES, weight),
            "entropy (nats)": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    st.caption(
        "Mean attention weight over the rows of this prompt. Entropy is 0 when a row "
        "rests on one token. A score says how a head behaves on this text, not what "
        "it is for."
    )


def code(place: tuple[int, int]) -> str:
    """Return the lines that rebuild the pattern in a notebook."""
    layer, head = place
    entry = models.chosen_entry()
    return (
        "import torch\n"
        "import minigpt\n\n"
        f"model, tokenizer, _ = minigpt.load({str(models.chosen_path(entry))!r})\n"
        f"tokens = torch.tensor([tokenizer.encode({state.get('prompt')!r})])\n"
        "logits, cache = model.run_with_cache(tokens)\n"
        f'pattern = cache["blocks.{layer}.attn.hook_pattern"][0, {head}]\n'
    )


st.title("Head explorer")
with guard():
    text, numbers = st.columns([4, 3])
    with text:
        reading = read(models.chosen())
    with numbers:
        layer, head, token = choose_place(reading)
    scores = head_scores(reading.patterns, reading.tokens)
    left, right = st.columns([2, 3], gap="large")
    with left:
        show_all_heads(reading, scores, (layer, head))
    with right:
        show_one_head(reading, scores, (layer, head), token)
    show_tables(reading, scores, (layer, head))
