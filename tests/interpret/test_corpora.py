"""Windows that a model did not learn from: whose text, which part, how many."""

import hashlib

import numpy as np
import pytest

from minigpt.checkpoint.metadata import CheckpointMetadata
from minigpt.datasets.repeated_words import WORDS
from minigpt.datasets.tales.story import generate_tales
from minigpt.interpret.corpora import held_out, held_out_windows, ordinary_tokens
from minigpt.tokenizers import CharTokenizer, WordTokenizer

TALES = generate_tales(20_000)
STORY = "the fox ran home. " * 60 + "what a wise old owl it was! " * 40


def characters(text):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(text)
    return tokenizer


def metadata(**provenance):
    return CheckpointMetadata(
        model_type="transformer", model={"vocab_size": 9}, provenance=provenance
    )


def trained_on(path, text, **data):
    return metadata(
        data={"source": str(path), **data},
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(STORY, encoding="utf-8")
    return path


def test_a_model_of_tales_reads_stories_of_held_out_worlds():
    tokenizer = characters(TALES)
    found = held_out(metadata(data={"source": "tales"}), tokenizer, 40, 5)
    assert found.windows.shape == (5, 40)
    held = generate_tales(200_000, split="held_out")
    for window in found.windows:
        pieces = tokenizer.decode(window, skip_special_tokens=False).split("<eos>")
        assert all(piece in held for piece in pieces)


def test_a_model_of_a_file_reads_the_part_held_out(story):
    tokenizer = characters(STORY)
    about = trained_on(story, STORY, validation_fraction=0.5)
    found = held_out(about, tokenizer, 30, 8)
    rest = STORY[len(STORY) // 2 :]
    assert all(tokenizer.decode(window) in rest for window in found.windows)
    assert "its text" in found.description


def test_a_file_that_changed_or_was_never_its_own_is_not_opened(story):
    tokenizer = characters(TALES + STORY)
    for about in (
        trained_on(story, "another text"),
        metadata(data={"source": str(story)}),
        trained_on(story.with_name("gone.txt"), STORY),
        metadata(data={"source": 3}),
        metadata(data="story.txt"),
    ):
        assert "stories" in held_out(about, tokenizer, 20, 2).description


def test_a_model_of_repeated_words_reads_words_that_repeat():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(" ".join(WORDS))
    about = metadata(data={"source": "repeats"})
    found = held_out(about, tokenizer, 64, 6)
    assert found.windows.shape == (6, 64)
    for begin, *words in found.windows:
        assert begin == tokenizer.bos_id
        assert any(words[period:] == words[:-period] for period in range(6, 33))


def test_windows_do_not_overlap_while_there_are_enough():
    tokenizer = characters(TALES)
    windows = held_out_windows(metadata(), tokenizer, 32, 64)
    assert len(np.unique(windows, axis=0)) == 64


def test_a_short_text_gives_as_many_windows_as_asked(story):
    about = trained_on(story, STORY, validation_fraction=0.05)
    assert held_out_windows(about, characters(STORY), 64, 20).shape == (20, 64)


def test_a_model_that_cannot_read_any_of_it_gets_random_tokens_and_says_so():
    tokenizer = characters("xyz")
    found = held_out(metadata(), tokenizer, 10, 3)
    assert "random tokens" in found.description
    assert set(found.windows.flat) <= set(ordinary_tokens(tokenizer))


def test_the_same_seed_draws_the_same_windows():
    tokenizer = characters(TALES)
    one, same = (held_out_windows(metadata(), tokenizer, 20, 4, seed=1) for _ in "ab")
    other = held_out_windows(metadata(), tokenizer, 20, 4, seed=2)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
