"""Compare: two models, or two moments of one training, on the same text.

Learning goal: a mean hides that some tokens got better and others worse.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from minigpt.interpret.differences.comparison import TextComparison, compare_text
from minigpt.interpret.differences.gradients import batch_gradients, saliency
from minigpt.interpret.interventions.ablation import token_losses
from pages.compare import numbers, parts, questions, start
from pages.compare import tour as compare_tour
from pages.compare.choice import ComparedText, Side, choose
from pages.compare.numbers import Compared
from pages.frame import lesson, models, notebook, opening, provenance, state
from pages.frame.controls import tour
from pages.frame.guard import guard, show_note
from pages.frame.place import shared_place
from pages.frame.questions import check, predict
from pages.frame.words import plain
from viz.comparison import expected_bars, loss_table
from viz.components.tinted_text.view import TintedText, tinted_text
from viz.tokens import display_piece, placed_pieces

LENS = "pages/logit_lens/logit_lens.py"
SHOWN = 5


def choose_piece(found: TextComparison) -> int:
    """Return the piece that is open: by default the one that got worst."""
    return shared_place("piece", range(len(found.pieces)), found.worst)


def pick_piece(found: TextComparison, text: ComparedText, place: int | None) -> None:
    """Remember the piece that was clicked, on other pages too if they show its text."""
    if place is None:
        st.session_state.pop("piece", None)
        return
    st.session_state["piece"] = place
    if text.is_prompt:
        st.session_state["token"] = found.after_spans[place][0]


def show_text(shown: Compared) -> None:
    """Show the text tinted by what changed, and the change of the mean in words."""
    before, after, text, found = shown.before, shown.after, shown.text, shown.found
    verb = "improves" if found.mean_change <= 0 else "gets worse"
    per = "token" if found.same_tokens else "character"
    st.markdown(
        f"From **{plain(before.name)}** to **{plain(after.name)}** the mean {verb} by "
        f"**{abs(found.mean_change):.3f} nats** per {per}, and **{found.worse} of "
        f"{found.compared}** {'tokens' if found.same_tokens else 'pieces'} got worse."
    )
    tinted = TintedText(
        found.pieces,
        found.change,
        unit="nats",
        ends=("worse", "better"),
        lower_is_better=True,
        sentences=[
            f"loss {old:.3f} → {new:.3f}"
            if old == old and new == new
            else "not predicted"
            for old, new in zip(found.before_losses, found.after_losses, strict=True)
        ],
    )
    tinted_text(
        tinted,
        shown.place,
        key=compare_tour.TEXT,
        on_select=lambda chosen: pick_piece(found, text, chosen),
    )
    with st.container(horizontal=True):
        show_code(shown)
        with st.popover("Every piece", icon=":material/table:", type="tertiary"):
            st.dataframe(
                loss_table(found.pieces, found.before_losses, found.after_losses),
                hide_index=True,
            )


def show_code(shown: Compared) -> None:
    """Show the code behind the losses."""
    found = shown.found
    if found.same_tokens:
        each = "token_losses({0}.model(tokens), tokens)[0]"
        function: Callable[..., object] = token_losses
        call = f"{each.format('after')} - {each.format('before')}"
    else:
        function = compare_text
        call = f"compare_text(before, after, {shown.text.content!r}).change"
    notebook.show(
        "losses",
        function,
        call,
        drawn=found.change[1:] if found.same_tokens else found.change,
        begin=shown.opening,
    )


def show_piece(shown: Compared) -> None:
    """Show what both models expected where the chosen piece begins."""
    before, after, found, place = shown.before, shown.after, shown.found, shown.place
    st.markdown(f"**{plain(placed_pieces(found.pieces)[place])}** — what was expected")
    both = (
        (before, found.before, found.before_spans),
        (after, found.after, found.after_spans),
    )
    for column, (side, reading, spans) in zip(st.columns(2), both, strict=True):
        with column:
            st.caption(plain(side.name))
            start = spans[place][0]
            if not start:
                st.caption("There is no token before it, so it is not predicted.")
                continue
            tokens, probabilities = reading.expected(start, SHOWN)
            came = reading.tokens[start]
            st.vega_lite_chart(
                expected_bars(
                    side.checkpoint.tokenizer.pieces(tokens),
                    probabilities,
                    tokens.index(came) if came in tokens else None,
                ).spec
            )
    start = found.after_spans[place][0]
    if start:
        show_origin(after, found, start)
    st.button(
        "Which parts produced this prediction?",
        icon=":material/search:",
        type="tertiary",
        on_click=state.go_to,
        args=(LENS,),
        kwargs={"token": max(0, start - 1), "prompt": shown.text.content},
        help="Opens the page Logit lens and attribution, at the token before.",
    )


def show_origin(after: Side, found: TextComparison, position: int) -> None:
    """Show where the loss of the chosen model's token comes from."""
    token = found.after.tokens[position]
    piece = display_piece(after.checkpoint.tokenizer.piece(token))
    st.code(
        f"loss[{position}] = {found.after.losses[position]:.4f} nats\n"
        f"= −ln softmax(logits[0, {position - 1}])[{token}]\n{token} is {piece}",
        language=None,
        wrap_lines=True,
    )
    place = (0, position - 1, token)
    provenance.show(after.checkpoint, found.after.tokens, "logits", place)


def show_parts(shown: Compared) -> str:
    """Show one of the other comparisons, and return which."""
    part: str = st.segmented_control(
        "More to compare",
        list(parts.PARTS),
        # Heads have counterparts only where the tokens are the same.
        default="Heads" if shown.found.same_tokens else "Samples",
        required=True,
        key="part",
        **state.BOUND,
    )
    with guard():
        parts.PARTS[part](shown)
    return part


def show_figures(shown: Compared, befores: Sequence[Side]) -> None:
    """Show the text, one of its pieces and the other comparisons, and ask about it."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_text(shown)
    with right, st.container(key=compare_tour.PIECE):
        show_piece(shown)
    with st.container(key=compare_tour.PARTS):
        part = show_parts(shown)
    words, sources = parts.EXPLAINED.get(part, (WORDS, SOURCES))
    lesson.explain(words, *sources)
    lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.checks(shown, befores))


def offer_opening(found: start.Start) -> None:
    """Say why the page opened here, or offer the way there."""
    effects = found.effects
    opening.offer_at(
        "compare",
        found.place,
        f"Opened at a text whose mean loss falls by {-effects['mean']:.3f} nats while "
        f"the loss rises on {effects['worse']:.0f} of {effects['compared']:.0f} "
        f"pieces, on one of them by {effects['worst']:.2f} nats.",
    )


FORMULA = r"""
\begin{gathered}
\text{loss} = -\frac{1}{n} \sum_{i=1}^{n} \ln p(t_i \mid t_0 \dots t_{i-1}) \\
\Delta_i = \ln p_{\text{before}}(t_i \mid \dots) - \ln p_{\text{after}}(t_i \mid \dots)
\end{gathered}
"""
FORMULA_IN_WORDS = (
    "$p(t_i \\mid \\dots)$ is the probability that a model gives to the token that "
    "really came at place *i*, given all before it. Its logarithm is negative or zero, "
    "so the minus makes the loss of a token positive. The mean over all *n* tokens is "
    "the loss of the text, also called cross-entropy. $\\Delta_i$ is what changed at "
    "one token: above zero, its loss is higher than before."
)
WORDS = (
    "**Loss** is −ln of the probability of the token that came, in nats. Blue pieces "
    "have a lower loss than before, orange pieces a higher one. Training lowers the "
    "*mean*; single tokens may get worse, because all of them share one set of "
    "weights.\n\nIf the tokenizers differ, a piece ends where both end a token, and a "
    "model's loss on a piece is the sum over its tokens there.\n\nA head may attend "
    "elsewhere while the predictions stay the same, and weights may change a lot "
    "without effect. Only the losses show whether the model got better."
)

SOURCES = (compare_text, batch_gradients, saliency)

tour_button = lesson.open(
    "Compare", "The mean loss can improve while some tokens get worse: look at both."
)
with guard():
    entry = models.chosen_entry()
    found = start.find(entry)
    if found is not None:
        opening.begin_at("compare", found.place)
    before, after, text = choose(entry)
    if before.path == after.path:
        show_note("This compares a model with itself. Choose another, or another step.")
    compared = numbers.text_comparison(
        before.checkpoint, after.checkpoint, text.content
    )
    shown = Compared(before, after, text, compared, choose_piece(compared))
    befores = start.befores_of(entry)
    if before.path != after.path:
        tour.offer(tour_button, lambda: compare_tour.stops(shown, befores))
    if predict(
        questions.worse_share(shown, befores), questions.got_worse(shown, befores)
    ):
        if found is not None:
            offer_opening(found)
        show_figures(shown, befores)
