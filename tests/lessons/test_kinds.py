"""A second chance is a new item: every kind of question has many, and they differ."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.interpret.reading.prompt import read_prompt
from minigpt.library.catalogue import ModelEntry, find_model

DATA = Path(__file__).parents[2] / "data"

Kinds = Iterable[Iterator]


def of_attention(checkpoint: Checkpoint) -> Kinds:
    from pages.attention import questions
    from pages.frame.reading import Place

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    place = Place(0, 1, 4)
    yield questions.strongest(checkpoint, reading, place)
    yield from questions.checks(checkpoint, reading, place)


def of_compare(checkpoint: Checkpoint) -> Kinds:
    from minigpt.interpret.differences.comparison import compare_text
    from pages.compare import questions
    from pages.compare.choice import ComparedText, Side, stretches
    from pages.compare.numbers import Compared

    after, before = (
        Side(entry, step, loaded, entry.path_at(step))
        for entry, step, loaded in (
            (MET[id(checkpoint)], None, checkpoint),
            _other_than(MET[id(checkpoint)]),
        )
    )
    text = stretches(before, after)[0]
    found = compare_text(before.checkpoint, after.checkpoint, text)
    shown = Compared(before, after, ComparedText(text, is_prompt=False), found, 1)
    yield questions.worse_share(shown, [])
    yield from questions.checks(shown, [])


def _other_than(entry: ModelEntry) -> tuple[ModelEntry, int | None, Checkpoint]:
    """Return whom Compare would set a model against: an earlier step, or `tales`."""
    if len(entry.steps) > 1:
        step = entry.steps[-2][0]
        return entry, step, load_checkpoint(entry.path_at(step))
    name = "tales-chat" if entry.id == "tales" else "tales"
    other = find_model(DATA, name)
    return other, None, load_checkpoint(other.path)


LESSONS: dict[str, Callable[[Checkpoint], Kinds]] = {
    "attention": of_attention,
    "compare": of_compare,
}

MET: dict[int, ModelEntry] = {}
"""Which model of the catalogue a checkpoint is."""


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    entry = find_model(DATA, request.param)
    loaded = load_checkpoint(entry.path)
    MET[id(loaded)] = entry
    return loaded


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_kind_has_twenty_items_with_more_than_one_answer(lesson, checkpoint):
    for kind in LESSONS[lesson](checkpoint):
        items = list(islice(kind, 200))
        assert len({item.id for item in items}) == 1
        assert len({item.fingerprint for item in items}) >= 20, items[0].id
        assert len({item.options[item.answer] for item in items}) >= 2, items[0].id
        for item in items:
            assert len(set(item.options)) == len(item.options), item.options
            assert 0 <= item.answer < len(item.options)
