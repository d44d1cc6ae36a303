"""What can be said of an answer: how likely it was, its source, and why it fails."""

import math

import streamlit as st

from minigpt.datasets.tales.story import Story
from minigpt.finetuning.conversation_tokens import words_not_in
from minigpt.finetuning.inspection.question_kinds import (
    Judged,
    LearnedKinds,
    judge,
    learned_kinds,
)
from minigpt.interpret.reading.answer import (
    Rows,
    most_read,
    strongest_head,
    weight_on,
)
from minigpt.model import TransformerLM
from pages.chat import attention, own, talk
from pages.chat import story as chat_story
from pages.chat.reads import Row
from pages.chat.speakers import Speaker
from pages.chat.talk import ChatTurn
from pages.frame.remember import remember
from pages.frame.words import plain
from viz.tokens import display_piece

kinds_of = remember(
    8,
    shared=True,
    spinner="Measuring which questions it knows …",
    key=lambda who: who.model,
)(learned_kinds)
"""The kinds of question that a model was tuned on, measured once."""


@remember(256, key=lambda speaker, question, story: (speaker.path, question, story))
def judged(speaker: Speaker, question: str, story: str) -> Judged | None:
    """Compare a question with those that were learned; None where that is unknown."""
    who = speaker.checkpoint
    if not isinstance(who.model, TransformerLM) or not own.learns_tales(speaker):
        return None
    return judge(who, kinds_of(who), question, story)


def show(number: int, said: ChatTurn, story: Story | None) -> None:
    """Show what can be said of one answer that is complete.

    Args:
        number: Which turn.
        said: It.
        story: The built-in story that is offered, if any.
    """
    if not said.answer.tokens:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_probability(number, said)
        if source := _source(said):
            st.caption(source, width="stretch")
    known = chat_story.known(story, said.question)
    kind = _kind(said) if known is None else None
    if kind:
        st.caption(kind, help=_how_measured(said))
    if sentence := why_it_fails(number, story):
        st.caption(sentence)


def probability(value: float) -> str:
    """Print a probability with three digits, however small.

    >>> [probability(p) for p in (0.98765, 0.0123, 3.2e-7)]
    ['0.988', '0.0123', '3.2e-07']
    """
    if value >= 0.1:
        return f"{value:.3f}"
    return f"{value:.4f}" if value >= 0.001 else f"{value:.1e}"


def _show_probability(number: int, said: ChatTurn) -> None:
    answer = said.answer
    with st.popover(
        f"Probability {probability(answer.probability)}",
        type="tertiary",
        key=f"chat_probability_{number}",
        help="The probability of exactly this answer, in the model’s own distribution: "
        "those of its tokens, multiplied. Open it to see each.",
        on_change="rerun",
    ) as box:
        if not box.open:
            return
        pieces = said.asking.speaker.checkpoint.tokenizer.pieces(answer.tokens)
        st.table(
            [
                {
                    "token": plain(display_piece(piece)),
                    "probability": probability(math.exp(log_prob)),
                }
                for piece, log_prob in zip(pieces, answer.log_probs, strict=True)
            ]
        )


def _source(said: ChatTurn) -> str:
    """Say whether the answer's words stand in what it is about."""
    told = talk.current().story
    if not told:
        return ""
    new = words_not_in(said.answer.text, told, said.question)
    if not new:
        return "all its words are in the story or the question"
    return f"neither in the story nor in the question: **{plain(', '.join(new[:8]))}**"


def _kind(said: ChatTurn) -> str:
    """Say whether a question is of a kind that the model was tuned on."""
    speaker = said.asking.speaker
    if own.has_own_file(speaker):
        return own.describe(speaker, said.question)
    found = judged(speaker, said.question, talk.current().story)
    if found is None:
        return ""
    nearest = f"The nearest: “{plain(found.nearest)}”"
    if not found.is_known:
        return f"**This is not a kind of question that it was tuned on.** {nearest}"
    if found.new_words:
        words = plain(", ".join(found.new_words))
        return f"A kind that it was tuned on, with a word it never met: **{words}**."
    return f"A kind of question that it was tuned on. {nearest}"


def _how_measured(said: ChatTurn) -> str | None:
    speaker = said.asking.speaker
    if not own.learns_tales(speaker):
        return None
    kinds: LearnedKinds = kinds_of(speaker.checkpoint)
    wrong, passed = kinds.taken_for_others, kinds.taken_for_learned
    return (
        "Measured by how far the question lies, in the residual stream after the first "
        f"block, from {len(kinds.questions)} that were learned. This measure is wrong "
        f"for {wrong.right} of {wrong.number} held-out questions of learned kinds, and "
        f"for {passed.right} of {passed.number} questions of other kinds."
    )


def why_it_fails(number: int, story: Story | None) -> str:
    """Say where the heads looked, of an answer that is wrong; "" of any other."""
    talked = talk.current()
    said = talked.turns[number]
    speaker = said.asking.speaker
    if not isinstance(speaker.checkpoint.model, TransformerLM):
        return ""
    asked = chat_story.known(story, said.question)
    row = Row(
        talked.messages(number),
        said.answer.read,
        said.answer.tokens,
        said.asking.template,
        speaker,
    )
    if asked is not None and not asked.is_answered_by(said.answer.text):
        right, place = attention.where_it_matters(asked, row)
        return _looked(row, place, right)
    if asked is None and own.learns_tales(speaker):
        found = judged(speaker, said.question, talked.story)
        if found is not None and not found.is_known:
            return _looked(row, len(row.read), [])
    return ""


@remember(
    256,
    key=lambda row, *where: (row.speaker.checkpoint, row.read, row.written, where),
)
def _looked(row: Row, place: int, right: list[int]) -> str:
    """Say what was read when a token was written, and who read the right words."""
    rows = attention.rows_of(row.speaker.checkpoint.model, tuple(row.tokens), place)
    pieces = [plain(display_piece(piece)) for piece in row.pieces]
    before = f"When it wrote **{pieces[place]}**, "
    same = [at for at in range(place) if row.tokens[at] == row.tokens[place]]
    if not right or not same:
        return f"{before}{_looked_most(row, rows, place, pieces)}."
    wrong, most = weight_on(rows, same), weight_on(rows, right)
    (layer, head), other = strongest_head(wrong), strongest_head(most)
    return (
        f"{before}L{layer}H{head} gave this same word, earlier in the text, "
        f"{wrong[layer, head]:.2f} of its attention; no head gave the right words more "
        f"than {most[other]:.2f} (L{other[0]}H{other[1]})."
    )


def _looked_most(row: Row, rows: Rows, place: int, pieces: list[str]) -> str:
    read = zip(row.speakers[:place], row.pieces, strict=False)
    words = [
        at
        for at, (who, piece) in enumerate(read)
        if who not in ("template", "end") and any(map(str.isalpha, piece))
    ]
    heads = rows.shape[0] * rows.shape[1]
    found = [
        f"**{pieces[each.place]}** ({each.weight:.2f})"
        for each in most_read(rows, words)
    ]
    return f"its {heads} heads looked most at {', '.join(found)}, on average"
