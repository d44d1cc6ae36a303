"""A second chance is a new item: every kind of question has many, and they differ."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.interpret.reading.prompt import read_prompt
from minigpt.library.catalogue import ModelEntry, find_model
from minigpt.tokenizers import BPETokenizer
from pages.frame.remember import forget_all

DATA = Path(__file__).parents[2] / "data"

Kinds = Iterable[Iterator]


def of_attention(checkpoint: Checkpoint) -> Kinds:
    from pages.attention import questions
    from pages.frame.reading import Place

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    place = Place(0, 1, 4)
    yield questions.strongest(checkpoint, reading, place)
    yield questions.rest(checkpoint, reading, place)
    yield from questions.checks(checkpoint, reading, place)


def of_block(checkpoint: Checkpoint) -> Kinds:
    from pages.block import questions
    from pages.frame.reading import Place

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    place = Place(1, 0, 4)
    yield questions.predictions(checkpoint, reading, place)
    yield questions.seen(checkpoint, reading, place)
    yield from questions.checks(checkpoint, reading, place)


def of_learning(checkpoint: Checkpoint) -> Kinds:
    from pages.learning import questions
    from pages.learning.numbers import Prompt

    tokens = checkpoint.tokenizer.encode("Once upon a time there was a")
    prompt = Prompt(tokens, checkpoint.tokenizer.pieces(tokens))
    yield questions.longer_step(checkpoint, prompt)
    yield from questions.checks(checkpoint, prompt)


def of_embeddings(checkpoint: Checkpoint) -> Kinds:
    from pages.embeddings import order_questions, position_questions, questions
    from pages.frame.reading import Place

    model, tokenizer, _ = checkpoint
    tokens = tokenizer.encode("One day Tom gave the red kite to Mia")
    scheme = model.config.positional_encoding
    about = (checkpoint, tokens, tokens[3], "embedding")
    yield questions.nearest(*about)
    yield from questions.token_checks(*about)
    yield position_questions.distance(checkpoint, scheme, Place(0, 0, 4))
    yield from position_questions.position_checks(checkpoint, tokens)
    yield order_questions.one_layer(checkpoint, tokens, 0)
    yield from order_questions.order_checks(checkpoint, tokens, 0)
    yield from questions.recall(checkpoint)


def of_tokenizer(checkpoint: Checkpoint) -> Kinds:
    from pages.tokenizer import compare_questions, questions

    other = BPETokenizer(500)
    other.build_vocab("import number; return function(tensor) " * 40)
    tokenizer, text = checkpoint.tokenizer, "Once upon a time there was a"
    yield questions.count(tokenizer, text)
    yield questions.after_the_count(tokenizer, text)
    if isinstance(tokenizer, BPETokenizer):
        yield questions.first_merge(tokenizer, text)
    yield compare_questions.scripts(tokenizer)
    yield compare_questions.fewer(tokenizer, other, ("one", "two"))
    yield from questions.checks(tokenizer)
    yield from questions.recall(checkpoint)


def of_home(checkpoint: Checkpoint) -> Kinds:
    from pages.home import questions

    tokens = checkpoint.tokenizer.encode("One day Tom gave the red kite to Mia")
    yield from questions.checks(checkpoint, tokens)


def of_the_head_explorer(checkpoint: Checkpoint) -> Kinds:
    from pages.frame.reading import Place
    from pages.head_explorer import questions

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    place = Place(0, 1, 4)
    yield questions.elsewhere(checkpoint, reading, place)
    yield questions.most(checkpoint, reading)
    yield from questions.checks(checkpoint, reading, place)
    yield from questions.recall(checkpoint)


def of_the_logit_lens(checkpoint: Checkpoint) -> Kinds:
    from pages.logit_lens import questions
    from pages.logit_lens.numbers import LensReading

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    source = LensReading(checkpoint, reading.tokens, reading.pieces)
    first, second = source.column(4).top(-1, 2)
    yield questions.when_it_settles(source, 4)
    yield from questions.checks(source, 4, (int(first), int(second)))
    yield from questions.recall(checkpoint)


def of_intervene(checkpoint: Checkpoint) -> Kinds:
    from pages.intervene import numbers, patch_questions, questions, turn_questions

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    yield questions.which_head(checkpoint, reading)
    yield questions.next_token(checkpoint, reading)
    yield from questions.checks(checkpoint, reading)
    patching = patch_questions.read(checkpoint, numbers.ready_prompts(checkpoint))
    yield patch_questions.where(checkpoint, patching)
    yield patch_questions.strongest_z(checkpoint, patching)
    yield from patch_questions.checks(checkpoint, patching)
    yield turn_questions.needed(checkpoint)
    yield from turn_questions.checks(checkpoint)
    yield from questions.recall(checkpoint)


def of_steering_paths_and_neurons(checkpoint: Checkpoint) -> Kinds:
    from minigpt.interpret.interventions.prompt_pairs import EXCHANGED
    from minigpt.interpret.interventions.steering import (
        mean_difference,
        steering_vector,
    )
    from pages.intervene import numbers, patch_questions, steer
    from pages.intervene.deeper import neuron_questions, path_questions, steer_questions

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    ids = map(tokenizer.encode, steer.ready_texts(checkpoint))
    direction_at = partial(mean_difference, model, *ids)
    at = steer.middle(model)
    vector = steering_vector(model, reading.tokens, at, direction_at(at), 0.3)
    asked = checkpoint, reading, steer.Steered(at, 0.3, vector, "", direction_at)
    yield steer_questions.twice(*asked)
    yield from steer_questions.checks(*asked)
    pair = numbers.ready_prompts(checkpoint, EXCHANGED)
    patching = patch_questions.read(checkpoint, pair)
    yield path_questions.strongest(checkpoint, patching)
    yield from path_questions.checks(checkpoint, patching)
    if model.config.mlp_width:
        yield neuron_questions.firing(checkpoint, reading)
        yield from neuron_questions.checks(checkpoint, reading)


def of_circuits_and_many_prompts(checkpoint: Checkpoint) -> Kinds:
    from minigpt.interpret.pairs.tales_pairs import tales_pairs
    from pages.intervene.deeper import circuit_questions
    from pages.intervene.many_prompts import numbers, questions
    from pages.intervene.many_prompts.rows import Rows
    from pages.intervene.many_prompts.shown import Shown

    model, tokenizer, _ = checkpoint
    reading = read_prompt(model, tokenizer, "One day Tom gave the red kite to Mia")
    yield circuit_questions.size(checkpoint, reading)
    yield from circuit_questions.checks(checkpoint, reading)
    knows = numbers.knows_tales(checkpoint)
    rows = tales_pairs("colour", 20) if knows else numbers.held_out(checkpoint, 20)
    shown = [
        Shown(checkpoint, Rows(rows, "", ""), measure, None, found)
        for measure in ("z", "attribution")
        for found in [numbers.measure(checkpoint, rows, measure, None, lambda: None)]
    ]
    yield questions.on_average(shown[0])
    yield questions.checks(shown[0])[0]
    yield questions.on_average(shown[1])
    yield from questions.checks(shown[1])


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
    yield questions.got_worse(shown, [])
    yield from questions.checks(shown, [])


def of_training(checkpoint: Checkpoint) -> Kinds:
    from minigpt.runs.power_law import fit_power_law
    from pages.training import questions, sizes_questions

    yield from questions.recall(checkpoint)
    points = [(2_640, 1.98), (5_048, 1.83), (8_224, 1.72), (16_880, 1.58)]
    law = fit_power_law(*zip(*points, strict=True))
    yield from sizes_questions.about_sizes(points, law)


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
    "block": of_block,
    "learning": of_learning,
    "embeddings": of_embeddings,
    "tokenizer": of_tokenizer,
    "home": of_home,
    "head_explorer": of_the_head_explorer,
    "logit_lens": of_the_logit_lens,
    "intervene": of_intervene,
    "steering, paths and neurons": of_steering_paths_and_neurons,
    "circuits and many prompts": of_circuits_and_many_prompts,
    "beam_search": of_beam_search,
    "generation": of_generation,
    "compare": of_compare,
    "training": of_training,
}

MET: dict[int, ModelEntry] = {}
"""Which model of the catalogue a checkpoint is."""


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    # No model is chosen here: what was remembered of one would serve the next.
    forget_all()
    entry = find_model(DATA, request.param)
    loaded = load_checkpoint(entry.path)
    MET[id(loaded)] = entry
    return loaded


FEWER = {
    "intervene.twice": 8,
    "intervene.steered_at": 4,
    "intervene.other_way": 8,
    "intervene.firing": 8,
    "intervene.paths_together": 10,
    "intervene.path_through": 6,
    "intervene.circuit_size": 8,
    "intervene.circuit_last": 8,
    "intervene.circuit_kind": 6,
    "intervene.without_circuit": 8,
    "intervene.on_average": 4,
    "intervene.pairs_led": 8,
    "intervene.sign_is_sure": 4,
}
"""Items of kinds that cost much, or that have not twenty: one for each of few heads."""


def until_enough(kind: Iterator) -> list:
    """Take items until there are as many as are asked for, with two answers."""
    items, different, answers = [], set(), set()
    while len(different) < least_of(items) or len(answers) < 2:
        item = next(kind, None)
        if item is None:
            break
        items.append(item)
        different.add(item.fingerprint)
        answers.add(item.options[item.answer])
    return items


def least_of(items: list) -> int:
    return FEWER.get(items[0].id, 20) if items else 1


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_kind_has_many_items_with_more_than_one_answer(lesson, checkpoint):
    for kind in LESSONS[lesson](checkpoint):
        items = until_enough(islice(kind, 200))
        assert len({item.id for item in items}) == 1
        assert len({item.fingerprint for item in items}) >= least_of(items), items[0].id
        assert len({item.options[item.answer] for item in items}) >= 2, items[0].id
        for item in items:
            assert len(set(item.options)) == len(item.options), item.options
            assert 0 <= item.answer < len(item.options)
