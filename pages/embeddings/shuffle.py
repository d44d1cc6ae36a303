"""The third part of "Embeddings and positions": the same words in another order."""

from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.positions.word_order import OrderTest, without_positions
from minigpt.model import LanguageModel, TransformerLM
from minigpt.textbook.positions import change_when_shuffled
from pages.embeddings.numbers import PromptTokens, order_test_of
from pages.frame import models, notebook, provenance, state
from pages.frame.controls import keyboard
from pages.frame.place import shared_place
from viz.components.token_pieces.view import token_pieces
from viz.effects import before_after_bars

SEED, SHUFFLES = "shuffle", 100
"""The key of the shuffle that is shown, and how many there are."""

VERDICTS = "embedding_verdicts"
"""The key of the figures that say what changed."""

SHOWN = 4
"""Next tokens in each of the figures."""


class Tests(NamedTuple):
    """The tests of one shuffle: the model, and its first layers without positions."""

    order: tuple[int, ...]
    model: OrderTest
    bare: dict[int, OrderTest]
    """By number of layers: 2, where there are two, and 1; empty for an MLP."""


def run_tests(
    checkpoint: Checkpoint, tokens: list[int], order: tuple[int, ...]
) -> Tests:
    """Test the model and its first layers on a prompt in two orders."""
    model = checkpoint.model
    return Tests(
        order,
        order_test_of(model, tokens, order),
        {
            depth: order_test_of(model, tokens, order, depth)
            for depth in bare_depths(model)
        },
    )


def bare_depths(model: LanguageModel) -> list[int]:
    """Return how many first layers are tested without positions; none of an MLP's."""
    if not isinstance(model, TransformerLM):
        return []
    return [depth for depth in (2, 1) if depth <= model.config.num_layers]


def chosen_shuffle() -> int:
    """Return which shuffle is shown, and keep it in the address."""
    return shared_place(SEED, range(SHUFFLES), 0)


def show_orders(text: PromptTokens, order: tuple[int, ...]) -> None:
    """Show the prompt as it is and shuffled."""
    keyboard.on_next(_shuffle_again)
    left, right, again = st.columns([5, 5, 2], vertical_alignment="bottom")
    with left:
        st.caption("As you wrote it")
        token_pieces(text.pieces, text.tokens, key="pieces_in_order")
    with right:
        st.caption("Shuffled, the last word stays")
        token_pieces(
            [text.pieces[place] for place in order],
            [text.tokens[place] for place in order],
            key="pieces_shuffled",
        )
    again.button(
        "Shuffle again", on_click=_shuffle_again, icon=":material/shuffle:", key="again"
    )


def show(checkpoint: Checkpoint, text: PromptTokens, tests: Tests) -> None:
    """Show what each model says after either order."""
    pieces = models.vocabulary(checkpoint.tokenizer)
    shown = [
        ("This model", tests.model),
        *(
            (_depth_words(depth) + ", no positions", test)
            for depth, test in tests.bare.items()
        ),
    ]
    with st.container(key=VERDICTS):
        for column, (title, test) in zip(st.columns(len(shown)), shown, strict=True):
            with column:
                _show_test(pieces, title, test)
    _show_code(checkpoint, text, tests)


def _shuffle_again() -> None:
    st.session_state[SEED] = (state.get(SEED, 0) + 1) % SHUFFLES


def _depth_words(depth: int) -> str:
    return "Its first layer alone" if depth == 1 else f"Its first {depth} layers"


def verdict(test: OrderTest) -> str:
    """Say whether the orders made a difference, with the number."""
    change = (
        f"{test.largest_change:.3f}" if test.moved else f"{test.largest_change:.0e}"
    )
    return f"changed by up to {change}" if test.moved else f"the same (Δ {change})"


def _show_test(pieces: list[str], title: str, test: OrderTest) -> None:
    with st.container(border=True):
        st.metric(title, verdict(test))
        effect = test.effect
        size = len(pieces)
        st.vega_lite_chart(
            before_after_bars(
                pieces, effect.before[:size], effect.after[:size], shown=SHOWN
            ).spec
        )
        if test.output_change is not None:
            moved = f"{100 * test.output_change:.1f}%"
            if test.output_change < 1e-4:
                moved = f"{test.output_change:.0e} of its length, a rounding error"
            st.caption(
                f"KL {effect.kl:.3f} nats. First attention output: changed by {moved}."
            )
        else:
            st.caption(f"KL {effect.kl:.3f} nats.")


def _show_code(checkpoint: Checkpoint, text: PromptTokens, tests: Tests) -> None:
    bare = [f"without_positions(model, {depth})" for depth in tests.bare]
    notebook.show(
        "the shuffle",
        change_when_shuffled,
        f"[change_when_shuffled(each, tokens, {list(tests.order)}) "
        f"for each in [{', '.join(['model', *bare])}]]",
        drawn=[test.largest_change for test in (tests.model, *tests.bare.values())],
        also=[without_positions],
    )
    best = int(tests.model.effect.before.argmax())
    provenance.show(checkpoint, text.tokens, "logits", (0, len(text.tokens) - 1, best))
