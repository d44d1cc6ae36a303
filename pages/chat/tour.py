"""Chat's tour: what is read, what is answered, and what the answer was read from."""

from itertools import product

from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.other_questions import OTHER_QUESTIONS
from minigpt.datasets.tales.story import Story
from minigpt.datasets.tales.talk import words_of_fact
from minigpt.errors import DataError
from minigpt.interpret.reading.answer import Rows, strongest_head, weight_on
from minigpt.model import TransformerLM
from pages.chat import attention, beside, honesty, reads, speakers
from pages.chat import story as chat_story
from pages.chat import talk as chat_talk
from pages.chat.reads import Row
from pages.chat.talk import Asking, Talk
from pages.chat.tour_told import Told, ask, empty, short
from pages.frame import models
from pages.frame.controls.tour import Stop
from viz.tokens import display_piece

READS, LOOKS, BESIDE = "What it reads", "Where it looks", "The base"
VIEW = "chat_view"
"""The key of the choice of what stands beside the conversation."""
SIDE = "chat_side"
"""The key of the region that shows it."""
CLEAR = 0.1
"""A head that gives the right words less than this hardly looks at them."""


def may_be_shown(asking: Asking, story: Story | None) -> bool:
    """Whether the first question on offer can be asked, with and without template."""
    rows = (
        reads.example_row(asking._replace(template=template), story)
        for template in (True, False)
    )
    has_question = bool(chat_story.chips(asking.speaker, story))
    return has_question and all(row is not None and row.read for row in rows)


def stops(asking: Asking, story: Story | None) -> list[Stop]:
    """Write the tour of the first question on offer.

    Args:
        asking: Whom to ask, and how.
        story: What is talked about, if it is a built-in story.
    """
    asking = asking._replace(template=True)
    begin = empty()
    question = chat_story.chips(asking.speaker, story)[0]
    told, untold = (
        ask(begin, question, asking._replace(template=template))
        for template in (True, False)
    )
    return [
        *_read(begin, asking, story),
        *_answers(told, untold, story),
        *_looks(told, story),
        *_base(told),
        *_honest(begin, told),
        Stop(
            "chat_input",
            "Your turn. Ask what you like, change the story, switch the marks off, or "
            "set another model beside this one.",
            {"_chat": begin, VIEW: READS},
        ),
    ]


def _read(begin: Talk, asking: Asking, story: Story | None) -> list[Stop]:
    """Show what is talked about, and what the model reads of it."""
    name = asking.speaker.name
    row = reads.example_row(asking, story)
    own = 0 if row is None else sum(who in ("template", "end") for who in row.speakers)
    count = 0 if row is None else len(row.read)
    about = (
        f"Here is a story, and {name} can be asked about it. All that it knows of this "
        "story is what it reads here, each time anew."
        if begin.story
        else f"Here you can ask {name} something. All that it knows of your "
        "conversation is what it reads, each time anew."
    )
    return [
        Stop(
            "chat_talk",
            about,
            {"_chat": begin, "chat_template": True, VIEW: READS, "_chat_editing": None},
        ),
        Stop(
            SIDE,
            "But a model cannot see who is speaking. Before it answers, it reads one "
            f"row of {count} tokens. So {own} of them are marks that never occur in "
            "ordinary text: now the user speaks, now the assistant answers. This way "
            "of writing down a conversation is called the template.",
        ),
    ]


def _answers(told: Told, untold: Told, story: Story | None) -> list[Stop]:
    """Let it answer with the template, and without."""
    return [
        Stop(
            "chat_talk",
            f"Asked “{told.said.question}”, it writes one token after another: "
            f"“{told.answer}”.{_verdict(told, story)} It only predicts what comes "
            "next, as always. After the last mark, what comes next is an answer.",
            told.settings,
        ),
        Stop(
            "chat_talk",
            "Now the same words as plain text, without any mark. The same weights "
            f"go on with “{untold.answer}”.{_verdict(untold, story)} Nothing told "
            "them whose turn it is.",
            untold.settings,
        ),
    ]


def _verdict(told: Told, story: Story | None) -> str:
    known = chat_story.known(story, told.said.question)
    if known is None:
        return ""
    if known.is_answered_by(told.said.answer.text):
        return " That is right."
    return f" That is wrong: the story says “{known.question.answer}”."


def _looks(told: Told, story: Story | None) -> list[Stop]:
    """Show what two heads read when the answer's own word was written."""
    row, model = told.row, told.asking.speaker.checkpoint.model
    if not isinstance(model, TransformerLM) or not row.written:
        return []
    known = chat_story.known(story, told.said.question)
    right, place = attention.where_it_matters(known, row)
    rows = attention.rows_of(model, tuple(row.tokens), place)
    first, second = _two_looks(rows)
    words = _on_the_right_words(known, rows, right)
    if right and not words:
        first, second = _two_looks(rows, strongest_head(weight_on(rows, right)))
    wrote = f"“{_word(row, place)}”"
    return [
        Stop(
            SIDE,
            f"Where did {wrote} come from? The darker a token here, the more one head "
            f"looked at it when {wrote} was written. {_look(row, rows, first)}{words}",
            told.settings
            | {VIEW: LOOKS, "_chat_token": place}
            | {"layer": first[0], "head": first[1]},
        ),
        Stop(
            SIDE,
            "Another head reads something else at the same moment. "
            f"{_look(row, rows, second)} The model puts together what all its heads "
            "bring.",
            {"layer": second[0], "head": second[1]},
        ),
    ]


def _two_looks(
    rows: Rows, first: tuple[int, int] | None = None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the head that looks hardest at one token, and the next at another."""
    layers, heads_of_each, _ = rows.shape
    heads = list(product(range(layers), range(heads_of_each)))
    heads.sort(key=lambda at: -float(rows[at].max()))
    first = heads[0] if first is None else first
    others = [at for at in heads if rows[at].argmax() != rows[first].argmax()]
    return first, [*others, heads[-1]][0]


def _on_the_right_words(known: Asked | None, rows: Rows, right: list[int]) -> str:
    """Say of the answer that no head looked at it; "" if one did, or it is unknown."""
    if known is None or not right:
        return ""
    most = float(weight_on(rows, right).max())
    if most >= CLEAR:
        return ""
    return (
        f" The word {words_of_fact(known)} in the story gets {most:.2f} at most: a "
        "token can also be read where others have already gathered it."
    )


def _look(row: Row, rows: Rows, head: tuple[int, int]) -> str:
    place = int(rows[head].argmax())
    return (
        f"L{head[0]}H{head[1]} looked most at “{_word(row, place)}”, "
        f"with {rows[head][place]:.2f} of its attention."
    )


def _base(told: Told) -> list[Stop]:
    """Ask the model that it was made from, with the very same tokens."""
    tuned = told.asking.speaker
    bases = [each for each in speakers.others(tuned) if not speakers.is_tuned(each)]
    if not tuned.is_tuned or not bases:
        return []
    other = speakers.speaker(bases[0])
    try:
        answer = chat_talk.answer_beside(told.talk, 0, other)
    except DataError:
        return []  # its window is smaller
    with models.turn_to_write():
        line = short(answer.text_in_full())
    written = len(answer.tokens)
    endless = (
        "" if answer.ending == "eos" else f": after {written} tokens it still goes on"
    )
    return [
        Stop(
            SIDE,
            f"Who taught it that? {other.name} reads the very same tokens, marks and "
            f"all, and goes on with “{line}”. It was never trained to answer"
            f"{'' if answer.ending == 'eos' else endless}.",
            told.settings
            | {VIEW: BESIDE, beside.FORM: beside.SAME}
            | {beside.widget_key(tuned): other.name},
        )
    ]


def _honest(begin: Talk, told: Told) -> list[Stop]:
    """Say how likely the answer was; then ask what it was never tuned on."""
    likely = honesty.probability(told.said.answer.probability)
    stops = [
        Stop(
            "answer_0",
            "Is it sure? The probability of exactly this answer, word for word, was "
            f"{likely}. That says how likely the model was to write it, not how likely "
            "it is to be true. Beside it you see whether its words are in the text at "
            "all.",
            told.settings | {VIEW: READS},
        )
    ]
    try:
        strange = ask(begin, OTHER_QUESTIONS[0], told.asking)
    except DataError:
        return stops  # there is no room for it
    return [
        *stops,
        Stop(
            "answer_0",
            f"A model answers whatever it is asked. To “{strange.said.question}” it "
            f"says “{strange.answer}”. Below its answer you see whether this is a kind "
            "of question that it was trained on.",
            strange.settings,
        ),
    ]


def _word(row: Row, place: int) -> str:
    """Return a token as it is read aloud: without the space before it."""
    piece = row.pieces[place]
    return piece.strip() or display_piece(piece)
