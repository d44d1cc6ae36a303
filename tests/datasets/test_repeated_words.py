"""Repeated words: windows that say themselves again, the same for the same seed."""

import math
from itertools import pairwise

import pytest
import torch

from minigpt.config import DataConfig, RunConfig, TokenizerConfig
from minigpt.datasets.corpus import prepare_corpus
from minigpt.datasets.repeated_words import (
    PROMPTS,
    SHORTEST_PERIOD,
    WORDS,
    example_window,
    repeated_words,
)
from minigpt.errors import ConfigError
from minigpt.tokenizers import WordTokenizer
from minigpt.training.batches import BatchSampler

CONTEXT = 64


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(WORDS)
    return tokenizer


def source(tokenizer, seed=7):
    return repeated_words(tokenizer, 126, CONTEXT, batch_size=40, seed=seed)


def period(words):
    return next(
        size
        for size in range(1, len(words))
        if torch.equal(words[size:], words[: len(words) - size])
    )


def test_every_word_is_one_token_of_its_own(tokenizer):
    assert len(set(WORDS)) == 126
    assert all(len(tokenizer.encode(word)) == 1 for word in WORDS)
    specials_joint_and_space = 6
    assert tokenizer.vocab_size == 126 + specials_joint_and_space


def test_a_window_begins_and_then_says_a_segment_again_and_again(tokenizer):
    inputs, labels = source(tokenizer).batch(0)
    assert inputs.shape == labels.shape == (40, CONTEXT)
    assert torch.equal(inputs[:, 1:], labels[:, :-1])
    assert set(inputs[:, 0].tolist()) == {tokenizer.bos_id}
    periods = [period(row) for row in labels]
    assert min(periods) >= SHORTEST_PERIOD
    assert max(periods) <= CONTEXT // 2
    assert len(set(periods)) > 10
    known = {tokenizer.encode(word)[0] for word in WORDS}
    assert set(labels.flatten().tolist()) == known


def test_a_batch_is_a_pure_function_of_seed_and_step_shared_by_all_processes(tokenizer):
    whole = source(tokenizer).batch(3)[0]
    assert isinstance(source(tokenizer), BatchSampler)
    assert torch.equal(whole, source(tokenizer).batch(3)[0])
    assert not torch.equal(whole, source(tokenizer).batch(4)[0])
    assert not torch.equal(whole, source(tokenizer, seed=8).batch(3)[0])
    shares = [source(tokenizer).batch(3, rank, 2)[0] for rank in range(2)]
    assert torch.equal(whole, torch.stack(shares, dim=1).flatten(0, 1))


def test_what_is_held_out_is_the_same_for_every_seed_and_never_learned(tokenizer):
    held_out = source(tokenizer).held_out()
    assert torch.equal(held_out, source(tokenizer, seed=99).held_out())
    assert held_out.shape[1] == CONTEXT + 1
    kept = {tuple(row) for row in held_out.tolist()}
    for step in range(50):
        inputs, labels = source(tokenizer).batch(step)
        learned = torch.cat([inputs, labels[:, -1:]], dim=1).tolist()
        assert kept.isdisjoint(map(tuple, learned))


def test_windows_to_measure_on_say_their_first_half_again(tokenizer):
    windows = source(tokenizer).said_twice(5)
    half = CONTEXT // 2
    assert windows.shape == (5, CONTEXT)
    for row in windows:
        assert row[0] == tokenizer.bos_id
        assert torch.equal(row[half + 1 :], row[1:half])
        assert len(set(row[1 : half + 1].tolist())) == half


def test_a_prompt_can_only_be_continued_by_one_word_that_it_has_said(tokenizer):
    for prompt, answer in PROMPTS:
        pieces = tokenizer.pieces(tokenizer.encode(prompt))
        assert not tokenizer.unknown(prompt)
        came_next = {
            after for before, after in pairwise(pieces) if before == pieces[-1]
        }
        assert came_next == {answer}


def test_the_run_knows_its_words_and_a_fingerprint_of_what_is_held_out():
    data = DataConfig(source="repeats", repeats_words=64)
    corpus, tokenizer = prepare_corpus(data, None, TokenizerConfig(kind="word"), 32)
    assert set(corpus.train_tokens.tolist()) == {
        tokenizer.bos_id,
        *(tokenizer.encode(word)[0] for word in WORDS[:64]),
    }
    again, _ = prepare_corpus(data, tokenizer, TokenizerConfig(kind="word"), 32)
    other, _ = prepare_corpus(data, tokenizer, TokenizerConfig(kind="word"), 48)
    assert corpus.sha256 == again.sha256 != other.sha256


def test_other_tokens_than_words_are_refused():
    with pytest.raises(ConfigError, match="whole words: choose 'word'"):
        RunConfig(data=DataConfig(source="repeats"))


def test_an_example_comes_with_what_a_word_costs_that_nobody_can_know():
    window = example_window(64, 32)
    assert len(window.pieces) == len(window.tokens) == 32
    assert set(window.pieces[1:]) <= set(WORDS[:64])
    assert window.uniform_loss == pytest.approx(math.log(64 + 6))
