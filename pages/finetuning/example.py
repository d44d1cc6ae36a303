"""One example, token by token: what the loss counts, and what each token costs."""

from collections.abc import Mapping

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.supervised import LearnedToken
from minigpt.textbook.finetuning import answer_losses
from minigpt.tokenizers.chat import Message
from pages.finetuning import numbers
from pages.frame import notebook, provenance, state
from pages.frame.words import plain
from viz.comparison import expected_bars
from viz.components.masked_loss.view import masked_loss
from viz.tokens import display_piece

Example = Conversation | Preference

TOKEN = "_example_token"
"""In the session: the token to select."""


def choose(examples: list[Example], key: str, begin: int = 0) -> Example:
    """Let the reader choose one of several examples, the shortest first.

    Args:
        examples: Which; not empty.
        key: Names the widget.
        begin: Which one is shown at first, counted from 0 in that order.
    """
    choices = ordered(examples)
    if len(choices) == 1:
        return choices[0]
    number = st.number_input(
        f"Example 1 to {len(choices)}",
        1,
        len(choices),
        begin + 1,
        key=widget_key(key),
        width=150,
        help="The shortest example comes first.",
        **state.BOUND,
    )
    return choices[number - 1]


def widget_key(key: str) -> str:
    """Return the name of the widget that `choose` shows."""
    return f"example_{key}"


def ordered(examples: list[Example]) -> list[Example]:
    """Return examples, the shortest first."""
    return sorted(examples, key=_length)


def _length(example: Example) -> int:
    conversation = next(iter(numbers.conversations_of(example).values()))
    return sum(len(message.content) for message in conversation.messages)


def show(example: Example, who: Mapping[str, Checkpoint], paths: list[str]) -> None:
    """Show an example's tokens with the losses of one or two models.

    Args:
        example: A conversation, or a pair of answers to one prompt.
        who: The models by name, the base first.
        paths: Their checkpoints, for the Code button.
    """
    for name, conversation in numbers.conversations_of(example).items():
        if isinstance(example, Preference):
            st.markdown(
                f"**{'The better' if name == 'chosen' else 'The worse'} answer**"
            )
        _show_one(name, conversation, who, paths)


def _show_one(
    name: str,
    conversation: Conversation,
    who: Mapping[str, Checkpoint],
    paths: list[str],
) -> None:
    rows = {
        label: numbers.conversation_losses(checkpoint, conversation)
        for label, checkpoint in who.items()
    }
    tokens = next(iter(rows.values()))
    place = masked_loss(
        [token.piece for token in tokens],
        [token.is_learned for token in tokens],
        {label: [token.loss for token in row] for label, row in rows.items()},
        key=f"masked_{name}",
        turns=turns(tokens),
        selected=_asked_for(len(tokens)),
    )
    st.markdown(_mean_in_words(rows, of_pair=name != "example"))
    notebook.show(
        f"masked loss {name}" if name != "example" else "masked loss",
        answer_losses,
        f"[answer_losses(each.model, each.tokenizer, {[*conversation.messages]}) "
        f"for each in [ready_to_chat(minigpt.load(path)) for path in {paths}]]",
        drawn=[
            [token.loss for token in row if token.is_learned] for row in rows.values()
        ],
        begin="import minigpt\n",
        also=[Message, ready_to_chat],
    )
    if place:
        _show_token(tokens, place, who)
    elif name in ("example", "chosen"):
        # Even before a click, one number shows where it comes from: the first learned.
        first = next(i for i, token in enumerate(tokens) if token.is_learned)
        _show_origin(tokens, first, list(who.values())[-1])


def _asked_for(count: int) -> int | None:
    """Return the token that the page's tour selects, if there is such a token."""
    place: int | None = st.session_state.get(TOKEN)
    return place if place is not None and place < count else None


def turns(tokens: list[LearnedToken]) -> list[int]:
    """Return where turns begin; the token that says who answers ends the prompt."""
    return [place for place, token in enumerate(tokens) if token.begins_turn]


def mean_loss(tokens: list[LearnedToken]) -> float:
    """Return the loss of one example: the mean over the tokens that count, in nats."""
    counted = [token.loss for token in tokens if token.is_learned]
    return sum(counted) / len(counted)


def _mean_in_words(rows: Mapping[str, list[LearnedToken]], *, of_pair: bool) -> str:
    """Say what becomes of the numbers above: a mean, or in DPO a sum."""
    tokens = next(iter(rows.values()))
    count = sum(token.is_learned for token in tokens)
    if of_pair:
        sums = [f"{-mean_loss(row) * count:.2f}" for row in rows.values()]
        return f"ln p(answer) = minus their sum = **{' → '.join(sums)} nats**."
    means = " → ".join(f"{mean_loss(row):.3f}" for row in rows.values())
    return (
        f"The loss is the mean over **{count} of {len(tokens)}** tokens: "
        f"**{means} nats**."
    )


def _show_token(
    tokens: list[LearnedToken], place: int, who: Mapping[str, Checkpoint]
) -> None:
    """Show what each model expected at a token."""
    ids = [token.token for token in tokens]
    st.markdown(f"What was expected at **{plain(display_piece(tokens[place].piece))}**")
    for column, (label, checkpoint) in zip(st.columns(2), who.items(), strict=False):
        with column:
            st.caption(plain(label))
            found, probabilities = numbers.expected(checkpoint.model, ids, place)
            came = found.index(ids[place]) if ids[place] in found else None
            pieces = checkpoint.tokenizer.pieces(found)
            st.vega_lite_chart(expected_bars(pieces, probabilities, came).spec)
    _show_origin(tokens, place, list(who.values())[-1])


def _show_origin(tokens: list[LearnedToken], place: int, who: Checkpoint) -> None:
    """Show where the number under a token comes from, of the model shown last."""
    ids = [token.token for token in tokens]
    provenance.show(who, ids, "logits", (0, place - 1, ids[place]))
