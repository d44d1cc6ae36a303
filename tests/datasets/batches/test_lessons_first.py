"""Lessons: what is asked follows from what was said, and nothing else is learned."""

import re
from collections import Counter
from itertools import pairwise
from random import Random

import pytest
import torch

from minigpt.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from minigpt.datasets.batches.examples import PAD_LABEL
from minigpt.datasets.batches.lessons_first import ROWS_PER_WINDOW, LessonsFirst
from minigpt.datasets.batches.repeats import RepeatsFirst
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.datasets.tales.lessons import LESSONS, paired, repeated, write_lesson
from minigpt.datasets.tales.story import generate_tales
from minigpt.datasets.tales.words import KNOWN, PLACES, THINGS, is_held_out
from minigpt.errors import ConfigError
from minigpt.tokenizers import BPETokenizer, WordTokenizer

NAMES = {person.name for person in KNOWN.people}


@pytest.fixture(scope="module")
def tokenizer():
    made = BPETokenizer(800)
    made.build_vocab(generate_tales(200_000))
    return made


def lessons_first(tokenizer, steps=100, share=0.25, seed=3, context=128, start=0):
    windows = WindowSampler(torch.arange(5000) % 700, context, 4, seed)
    text = RepeatsFirst(windows, 0, torch.arange(10))
    return LessonsFirst(text, tokenizer, steps=steps, share=share, start=start)


def read(lesson):
    return "".join(part.text for part in lesson)


def test_a_segment_is_said_again_until_the_row_is_full():
    row, new = repeated(Random(0), range(100), 40)
    assert len(row) == 40
    assert 6 <= new <= 20
    assert row[new:] == row[: 40 - new]


def test_all_pairs_are_said_twice_and_known_the_second_time():
    row, known = paired(Random(1), range(100), stop=999)
    said = " ".join(map(str, row)).split("999")[:-1]
    half = len(said) // 2
    assert sorted(map(str.strip, said[:half])) == sorted(map(str.strip, said[half:]))
    assert sum(known) == half
    assert all(row[i + 1] == 999 for i, is_known in enumerate(known) if is_known)
    assert not any(known[: len(row) // 2])


def colour_by_reading(text, thing):
    return re.search(rf"[Tt]he {thing} was (\w+)\.", text)[1]


def owner_by_reading(text, thing):
    forms = rf"(\w+) had the {thing}|the {thing} belonged to (\w+)"
    found = re.search(forms, text, re.IGNORECASE)
    return found[1] or found[2]


def place_by_reading(text, name):
    moves = rf"{name} .*?(?:went|walked|ran|path) .*?to the (\w+)\."
    return re.findall(moves, text.replace(". ", ".\n"))[-1]


def wish_by_reading(text, name):
    forms = (
        rf"{name} (?:wanted to |only wished to )?([a-z ]+)\.|to ([\w ]+),\" said {name}"
    )
    found = re.search(forms, text)
    return found[1] or found[2]


def cause_by_reading(text, name):
    because = rf"{name} (?:(?:was|felt) \w+,? because )?([a-z ]+)\."
    found = re.search(rf"Then ([a-z ]+), and so {name} |{because}", text)
    return found[1] or found[2]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("facts", {"What colour", "Who had", "Where did"}),
        ("questions", {"What colour", "Who had", "Where did"}),
        ("longer", {"What did", "Why was", "Where did"}),
    ],
)
def test_every_answer_follows_from_the_facts(name, kinds):
    rng = Random(name)
    checked = set()
    for _ in range(300):
        lesson = write_lesson(rng, name)
        facts, rest = lesson[0].text, lesson[1:]
        for before, answer in pairwise(rest):
            if not answer.is_answer:
                continue
            said = answer.text.strip()
            asked = re.findall(r"[^.\"]*\?", before.text)[-1].strip()
            if colour := re.search(r"colour was the (\w+)\?", asked):
                assert colour_by_reading(facts, colour[1]) == said
            elif owner := re.search(r"had the (\w+)\?", asked):
                assert owner_by_reading(facts, owner[1]) == said
            elif wish := re.search(r"did (\w+) want\?", asked):
                assert wish_by_reading(facts, wish[1]) == said.removeprefix("to ")
            elif felt := re.search(r"was (\w+) \w+\?", asked):
                assert cause_by_reading(facts, felt[1]) == said.removeprefix("because ")
            else:
                went = re.search(r"did (\w+) go( last)?\?", asked)
                assert place_by_reading(facts, went[1]) == said.removeprefix("the ")
            checked.add(" ".join(asked.split()[:2]))
    assert checked == kinds


def test_a_journey_may_be_longer_than_any_in_a_story():
    rng = Random(8)
    told = (write_lesson(rng, "longer")[0].text for _ in range(200))
    ways = [Counter(re.findall(r"(\w+)[a-z ]* to the \w+\.", text)) for text in told]
    assert max(max(way.values(), default=0) for way in ways) == 4


def test_a_fact_never_joins_a_held_out_pair():
    rng = Random(5)
    for _ in range(500):
        facts = write_lesson(rng, "facts")[0].text
        for sentence in facts.split(". "):
            words = set(re.findall(r"\w+", sentence))
            for name in words & NAMES:
                assert not any(is_held_out("owner", name, t) for t in words & {*THINGS})
                assert not any(is_held_out("place", name, p) for p in words & {*PLACES})


def test_only_answers_are_learned(tokenizer):
    sampler = lessons_first(tokenizer, context=256)
    for step in (2, 8, 20, 40, 60, 90):
        inputs, labels = sampler.batch(step)
        assert inputs.shape == labels.shape
        assert inputs.shape[0] == 4 * ROWS_PER_WINDOW[sampler.lesson(step)]
        assert inputs.shape[1] <= 256
        learned = labels != PAD_LABEL
        # A long story's end may not fit.
        assert learned.any(dim=1).float().mean() >= 0.75
        following = inputs[:, 1:][learned[:, :-1]]
        assert torch.equal(following, labels[:, :-1][learned[:, :-1]])
    assert sampler.lesson(20) == "facts"
    inputs, labels = sampler.batch(20)
    answers = tokenizer.decode(labels[labels != PAD_LABEL].tolist())
    assert "." not in answers


def test_every_other_lesson_is_read_as_a_text(tokenizer):
    sampler = lessons_first(tokenizer, context=256)
    inputs, labels = sampler.batch(21)
    assert sampler.lesson(21) == "facts"
    learned = labels != PAD_LABEL
    assert learned[:, 0].all()
    assert torch.equal(inputs[:, 1:][learned[:, 1:]], labels[:, :-1][learned[:, 1:]])
    asked = (sampler.batch(20)[1] != PAD_LABEL).sum()
    assert learned.sum() > 8 * asked


def test_lessons_come_in_order_and_return_between_texts(tokenizer):
    sampler = lessons_first(tokenizer, steps=1000, share=0.25)
    names = [sampler.lesson(step) for step in range(3000)]
    firsts = [names.index(name) for name in LESSONS]
    assert firsts == sorted(firsts)
    assert set(names[:39]) == {"repeats"}
    later = names[1000:]
    assert 0.2 < sum(name is not None for name in later) / len(later) < 0.3
    assert {*later} == {None, "facts", "questions", "stories", "longer"}
    assert sampler.batch(later.index(None) + 1000)[0].shape == (4, 128)


def test_lessons_may_wait_until_some_text_was_read_and_none_of_it_is_read_twice(
    tokenizer,
):
    sampler = lessons_first(tokenizer, steps=1000, start=30)
    names = [sampler.lesson(step) for step in range(2000)]
    assert set(names[:30]) == {None}
    assert set(names[30:69]) == {"repeats"}
    assert names.index("longer") >= 30 + 1000 * 0.65
    assert None not in names[30:1030]
    assert None in names[1030:]
    text = sampler.sampler
    after = next(step for step in range(1030, 2000) if names[step] is None)
    for step, number in ((0, 0), (29, 29), (after, after - 1000)):
        for own, expected in zip(sampler.batch(step), text.batch(number), strict=True):
            assert torch.equal(own, expected)


def test_the_same_seed_gives_the_same_batches_on_any_number_of_processes(tokenizer):
    whole = lessons_first(tokenizer).batch(50)[1]
    again = lessons_first(tokenizer).batch(50)[1]
    assert torch.equal(whole, again)
    assert not torch.equal(whole, lessons_first(tokenizer, seed=4).batch(50)[1])
    shares = [lessons_first(tokenizer).batch(50, rank, 2)[1] for rank in (0, 1)]
    asked = [(share != PAD_LABEL).sum(dim=1) for share in shares]
    assert torch.equal(torch.stack(asked, 1).flatten(), (whole != PAD_LABEL).sum(1))


def test_words_are_a_tokenizer_like_any_other():
    words = WordTokenizer()
    words.build_vocab(generate_tales(100_000))
    inputs, labels = lessons_first(words).batch(40)
    assert (labels != PAD_LABEL).any()
    assert inputs.max() < words.vocab_size


def test_a_window_too_short_for_a_lesson_is_refused(tokenizer):
    with pytest.raises(ConfigError, match="lesson_steps to 0"):
        lessons_first(tokenizer, context=32)


def test_lessons_are_about_tales_alone():
    with pytest.raises(ConfigError, match="lessons are about tales"):
        RunConfig(
            data=DataConfig(source="a.txt"),
            transformer=ModelConfig(max_seq_len=64),
            train=TrainConfig(lesson_steps=10),
        )
