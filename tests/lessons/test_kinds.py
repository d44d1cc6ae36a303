"""A second chance is a new item: every kind of question has many, and they differ."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.interpret.reading.prompt import read_prompt
from minigpt.library.catalogue import find_model

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


def of_beam_search(checkpoint: Checkpoint) -> Kinds:
    from pages.beam_search import questions, settings
    from pages.beam_search.numbers import Source, prompts_of

    prompt = prompts_of(checkpoint)[0]
    tokens = checkpoint.tokenizer.encode(prompt)
    source = Source(checkpoint, prompt, tokens, settings.DEFAULT)
    yield questions.best_way_on(source)
    yield questions.gain(source)
    yield from questions.checks(source)
    yield from questions.recall(checkpoint)


def of_generation(checkpoint: Checkpoint) -> Kinds:
    from pages.generation import cache_questions, questions
    from pages.generation.numbers import expectations_of

    expected = expectations_of(checkpoint)[0]
    yield questions.how_often(checkpoint, expected)
    yield questions.second(checkpoint, expected)
    yield from questions.checks(checkpoint, expected)
    yield from questions.recall(checkpoint)
    yield cache_questions.must_be_read(checkpoint, expected.prompt, expected.tokens)
    yield from cache_questions.checks(checkpoint, expected.prompt, expected.tokens)


LESSONS: dict[str, Callable[[Checkpoint], Kinds]] = {
    "attention": of_attention,
    "beam_search": of_beam_search,
    "generation": of_generation,
}


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    return load_checkpoint(find_model(DATA, request.param).path)


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
