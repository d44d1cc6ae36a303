"""Predict and Check of the Chat page, answered by the model that is talked to."""

from typing import NamedTuple

from minigpt.config import GenerationConfig
from minigpt.datasets.tales.story import Story
from minigpt.datasets.tales.talk import known_question, words_of_fact
from minigpt.finetuning.answering import Answer
from minigpt.finetuning.conversation_tokens import read_tokens
from minigpt.finetuning.inspection.template_effect import verdict
from minigpt.interpret.reading.answer import weight_on
from minigpt.model import TransformerLM
from pages.chat import attention, reads, speakers
from pages.chat import story as chat_story
from pages.chat.reads import Row
from pages.chat.speakers import Speaker
from pages.chat.talk import Asking
from pages.frame import models
from pages.frame.questions import Question
from pages.frame.remember import remember
from pages.frame.words import plain
from viz.tokens import display_piece

CLEAR = 0.03
"""Two heads nearer than this are a tie, and are not asked about."""

_FIRST_WORDS = 8
"""Tokens of an answer that two are compared by."""


def without_template(asking: Asking, story: Story | None) -> Question | None:
    """Ask what is answered to the same words as plain text; None without room."""
    row = reads.example_row(asking._replace(template=True), story)
    if row is None or not row.read:
        return None
    question = row.messages[-1].content.splitlines()[-1]
    asked = known_question(story, question)
    if asked is None:
        return _same_without(asking, story, question)
    effect = chat_story.effect_of(asking.speaker, asked)
    if effect is None:
        return None
    return Question(
        "chat.template",
        f"“{plain(question)}” What does **{plain(asking.speaker.name)}** write if it "
        "reads the same words **without** the tokens that mark who speaks?",
        [
            "The right answer all the same",
            "A wrong answer, from the same story",
            "No answer: the story goes on",
        ],
        ("right", "wrong", "none").index(verdict(asked, effect.untold)),
        f"With the template: “{_one_line(effect.told)}”. Without: "
        f"“{_one_line(effect.untold)}”. The story’s answer: "
        f"“{plain(asked.question.answer)}”.",
    )


def _same_without(
    asking: Asking, story: Story | None, question: str
) -> Question | None:
    """Ask the same where no right answer is known."""
    texts = []
    for template in (True, False):
        row = reads.example_row(asking._replace(template=template), story)
        if row is None or not row.read:
            return None
        texts.append(_begun(row.speaker, tuple(row.read)).text)
    told, untold = map(_one_line, texts)
    return Question(
        "chat.same_without",
        f"“{plain(question)}” Does **{plain(asking.speaker.name)}** begin with the "
        "same words if nothing marks who speaks?",
        ["yes", "no"],
        int(texts[0] != texts[1]),
        f"With the template: “{told}”. Without: “{untold}”.",
    )


def _one_line(text: str) -> str:
    return plain(text.replace("\n", " ⏎ ")) or "nothing"


def checks(asking: Asking, story: Story | None) -> list[Question]:
    """Ask about the row before an answer, the heads, and the model beside it."""
    row = reads.example_row(asking._replace(template=True), story)
    if row is None:
        return []
    asked = (
        _last_read(row),
        _head(row, story) or _room(row),
        _beside(row) or _counted(row),
    )
    return [question for question in asked if question is not None]


def _last_read(row: Row) -> Question:
    pieces = row.pieces
    last = pieces[-1]
    options = list(dict.fromkeys([pieces[0], pieces[-2], last, "<eos>"]))
    return Question(
        "chat.last_read",
        "From the position of which token does the model predict the **first** "
        "word of its answer?",
        [display_piece(piece) for piece in options],
        options.index(last),
        "The template ends with it, to mark that the assistant speaks now. The "
        "first word is predicted from its position.",
    )


def _head(row: Row, story: Story | None) -> Question | None:
    """Ask which head reads the right answer most; None where that is not clear."""
    model = row.speaker.checkpoint.model
    question = row.messages[-1].content.splitlines()[-1]
    asked = known_question(story, question)
    if asked is None or not isinstance(model, TransformerLM):
        return None
    written = _begun(row.speaker, tuple(row.read)).tokens
    row = row._replace(written=written)
    places, writes = attention.where_it_matters(asked, row)
    rows = attention.rows_of(model, tuple(row.tokens), writes)
    weights = weight_on(rows, places)
    layers, heads = map(range, weights.shape)
    order = [(layer, head) for layer in layers for head in heads]
    order.sort(key=lambda place: -weights[place])
    if len(order) < 2 or weights[order[0]] - weights[order[1]] < CLEAR:
        return None
    options = sorted(order[:4])
    return Question(
        "chat.head",
        f"“{plain(question)}” When the model writes the answer's own word, which "
        f"head reads **{plain(words_of_fact(asked))}** in the story most?",
        [f"L{layer}H{head}" for layer, head in options],
        options.index(order[0]),
        f"It gives {weights[order[0]]:.2f} of its attention weight to these words.",
    )


def _room(row: Row) -> Question:
    limit = row.speaker.checkpoint.model.config.max_seq_len
    left = limit - len(row.read)
    options = sorted({left, limit, left + 3, max(1, left // 2)})
    return Question(
        "chat.room",
        f"The window holds {limit} tokens, and this question with its story takes "
        f"{len(row.read)}. How many are left for the answer?",
        [str(option) for option in options],
        options.index(left),
        "Story, question, answer and template all share one window.",
    )


def _beside(row: Row) -> Question | None:
    """Ask how the base begins, read from the same tokens; None without a base."""
    found = [
        entry for entry in speakers.others(row.speaker) if not speakers.is_tuned(entry)
    ]
    if not row.speaker.is_tuned or not found:
        return None
    base = speakers.speaker(found[0])
    read = tuple(
        each.token for each in read_tokens(row.messages, base.checkpoint.tokenizer)
    )
    if len(read) + _FIRST_WORDS > base.checkpoint.model.config.max_seq_len:
        return None
    own = _begun(row.speaker, tuple(row.read)).text
    other = _begun(base, read).text
    return Question(
        "chat.base",
        f"**{plain(base.name)}** never saw a conversation. Given the same "
        "question in the same tokens, does it begin with the same words?",
        ["yes", "no"],
        int(own != other),
        f"It begins: “{plain(other.replace(chr(10), ' ⏎ ')) or 'nothing'}”.",
    )


def _counted(row: Row) -> Question:
    own = sum(speaker in ("template", "end") for speaker in row.speakers)
    options = sorted({own, own + 1, own + 3, len(row.read)})
    return Question(
        "chat.counted",
        "Of the tokens that the model reads before its first answer, how many "
        "never occur in ordinary text?",
        [str(option) for option in options],
        options.index(own),
        "One marks that the user speaks, one that the assistant does.",
    )


class _Begun(NamedTuple):
    """How an answer begins."""

    text: str
    tokens: list[int]


@remember(256, key=lambda speaker, read: (speaker.checkpoint, read))
def _begun(speaker: Speaker, read: tuple[int, ...]) -> _Begun:
    """Return a model's first words, greedily chosen; written once."""
    config = GenerationConfig(strategy="greedy", max_new_tokens=_FIRST_WORDS)
    model, tokenizer, _ = speaker.checkpoint
    answer = Answer(model, tokenizer, read, config)
    with models.turn_to_write():
        while not answer.is_done:
            answer.write()
    return _Begun(answer.text, answer.tokens)
