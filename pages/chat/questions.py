"""Predict and Check of the Chat page, answered by the model that is talked to."""

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

from minigpt.config import GenerationConfig
from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.story import Story
from minigpt.datasets.tales.talk import known_question, words_of_fact
from minigpt.finetuning.answering import Answer
from minigpt.finetuning.conversation_tokens import Turn, messages_of, read_tokens
from minigpt.finetuning.inspection.template_effect import TemplateEffect, verdict
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

MORE_STORIES = 12
"""Built-in stories whose questions are asked as second chances."""

_FIRST_WORDS = 8
"""Tokens of an answer that two are compared by."""


def without_template(asking: Asking, story: Story | None) -> Iterator[Question]:
    """Ask what is answered to the same words as plain text.

    Where right answers are known, first of the question on offer, then of others, of
    this story and of more; else whether the answer begins in the same way.
    """
    row = reads.example_row(asking._replace(template=True), story)
    if row is None or not row.read:
        return
    asked = known_question(story, _question_of(row))
    if asked is None:
        same = _same_without(asking, story, _question_of(row))
        yield from filter(None, [same])
        return
    for each in _more_questions(asking.speaker, asked):
        effect = chat_story.effect_of(asking.speaker, each)
        if effect is not None:
            about = _which_story(each, asked)
            yield _template_question(asking.speaker, effect, about)


def _template_question(
    speaker: Speaker, effect: TemplateEffect, about: str
) -> Question:
    asked = effect.asked
    return Question(
        "chat.template",
        f"{about}“{plain(asked.question.text)}” What does **{plain(speaker.name)}** "
        "write if it reads the same words **without** the tokens that mark who speaks?",
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


def _which_story(asked: Asked, first: Asked) -> str:
    """Tell a story that is not on the screen; "" of the one that is."""
    if asked.story == first.story:
        return ""
    return f"In the story “{plain(asked.story)}”: "


def _more_questions(speaker: Speaker, first: Asked) -> Iterator[Asked]:
    """Yield a question, the others of its story, and those of more stories."""
    yield first
    for number in range(MORE_STORIES):
        story = chat_story.story_of(speaker.checkpoint, number)
        for question in () if story is None else story.questions:
            asked = Asked(story.text, question)
            if asked != first:
                yield asked


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


def _question_of(row: Row) -> str:
    return row.messages[-1].content.splitlines()[-1]


def checks(asking: Asking, story: Story | None) -> list[Iterator[Question]]:
    """Ask about the row before an answer, the heads, and the model beside it."""

    def about(ask: Callable[[_Case], Iterable[Question]]) -> Iterator[Question]:
        for case in _cases(asking, story):
            yield from ask(case)

    def is_clear_here(ask: Callable[[_Case], Iterable[Question]]) -> bool:
        here = takewhile(lambda case: not case.about, _cases(asking, story))
        return any(question for case in here for question in ask(case))

    second = about(_heads) if is_clear_here(_heads) else about(_room)
    third = about(_beside) if is_clear_here(_beside) else about(_counted)
    return [about(_predicted_from), second, third]


class _Case(NamedTuple):
    """What is read before an answer, and the right answer where it is known."""

    row: Row
    asked: Asked | None
    about: str = ""
    """In Markdown: which story, unless it is on the screen."""

    @property
    def quoted(self) -> str:
        """The question, in Markdown."""
        return f"{self.about}“{plain(_question_of(self.row))}”"


def _cases(asking: Asking, story: Story | None) -> Iterator[_Case]:
    """Yield the question on offer, then others of this story and of more."""
    asking = asking._replace(template=True)
    first = reads.example_row(asking, story)
    if first is None:
        return
    known = known_question(story, _question_of(first))
    yield _Case(first, known)
    if known is None:
        return
    for asked in _more_questions(asking.speaker, known):
        row = reads.row_of(asking, asked.story, asked.question.text)
        if row is not None and asked != known:
            yield _Case(row, asked, _which_story(asked, known))


def _predicted_from(case: _Case) -> Iterator[Question]:
    """Ask from where each of an answer's tokens is predicted: the one before it."""
    row = case.row
    written = _begun(row.speaker, tuple(row.read)).tokens
    pieces = row._replace(written=written).pieces
    begin = len(row.read)
    for place in range(begin, begin + min(4, len(written))):
        some = (pieces[0], pieces[begin - 2], pieces[begin - 1], pieces[place - 1])
        options = sorted(dict.fromkeys([*some, "<eos>"]))
        nth = ("first", "second", "third", "fourth")[place - begin]
        yield Question(
            "chat.predicted_from",
            f"{case.quoted} At which token’s position does the model predict the "
            f"**{nth}** token of its answer?",
            [display_piece(piece) for piece in options],
            options.index(pieces[place - 1]),
            "Always at that of the token before it. The first is predicted at the "
            "token that marks that the assistant speaks now.",
        )


def _heads(case: _Case) -> Iterator[Question]:
    """Ask which head reads the right answer most, where that is clear."""
    row, asked, _ = case
    model = row.speaker.checkpoint.model
    if asked is None or not isinstance(model, TransformerLM):
        return
    written = _begun(row.speaker, tuple(row.read)).tokens
    row = row._replace(written=written)
    places, writes = attention.where_it_matters(asked, row)
    rows = attention.rows_of(model, tuple(row.tokens), writes)
    weights = weight_on(rows, places)
    layers, heads = map(range, weights.shape)
    order = [(layer, head) for layer in layers for head in heads]
    order.sort(key=lambda place: -weights[place])
    if len(order) < 2 or weights[order[0]] - weights[order[1]] < CLEAR:
        return
    options = sorted(order[:4])
    yield Question(
        "chat.head",
        f"{case.quoted} When the model writes the word that answers the question, "
        f"which head reads **{plain(words_of_fact(asked))}** in the story most?",
        [f"L{layer}H{head}" for layer, head in options],
        options.index(order[0]),
        f"It gives {weights[order[0]]:.2f} of its attention weight to these words.",
    )


def _room(case: _Case) -> Iterator[Question]:
    row = case.row
    limit = row.speaker.checkpoint.model.config.max_seq_len
    left = limit - len(row.read)
    options = sorted({left, limit, left + 3, max(1, left // 2)})
    yield Question(
        "chat.room",
        f"{case.quoted} and its story take {len(row.read)} tokens, and the window "
        f"holds {limit}. How many are left for the answer?",
        [str(option) for option in options],
        options.index(left),
        "Story, question, answer and template all share one window.",
    )


def _beside(case: _Case) -> Iterator[Question]:
    """Ask how the base begins, read from the same tokens; nothing without a base."""
    row = case.row
    found = [
        entry for entry in speakers.others(row.speaker) if not speakers.is_tuned(entry)
    ]
    if not row.speaker.is_tuned or not found:
        return
    base = speakers.speaker(found[0])
    read = tuple(
        each.token for each in read_tokens(row.messages, base.checkpoint.tokenizer)
    )
    if len(read) + _FIRST_WORDS > base.checkpoint.model.config.max_seq_len:
        return
    own = _begun(row.speaker, tuple(row.read)).text
    other = _begun(base, read).text
    right = "" if case.asked is None else case.asked.question.sentence
    options = sorted({own, other, right} - {""})
    if other not in options or other == own:
        return
    yield Question(
        "chat.base",
        f"{case.quoted} **{plain(base.name)}** never saw a conversation. Asked this in "
        f"the same tokens as **{plain(row.speaker.name)}**, how does it begin?",
        options,
        options.index(other),
        f"{plain(row.speaker.name)} begins: “{_one_line(own)}”.",
    )


def _counted(case: _Case) -> Iterator[Question]:
    """Ask how many tokens of the template a conversation of some turns has."""
    tokenizer = case.row.speaker.checkpoint.tokenizer
    for number in range(1, 25):
        turns = [Turn("Who?", "Mia.")] * (number - 1) + [Turn("Who?")]
        read = read_tokens(messages_of("", turns), tokenizer)
        own = sum(each.is_template for each in read)
        options = sorted({own, own + 1, own + 3, 3 * number})
        yield Question(
            "chat.counted",
            f"Of the tokens that the model reads before answer number {number}, how "
            "many never occur in ordinary text?",
            [str(option) for option in options],
            options.index(own),
            "One marks that the user speaks, one that the assistant does, and one ends "
            "each answer that is complete.",
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
