"""The best of all texts, against every text scored one by one."""

import doctest
import itertools
import re

import pytest
import torch
from model.gpt2_oracle import copy_gpt2, random_gpt2

from minigpt.config import GenerationConfig
from minigpt.errors import CheckpointError, DataError
from minigpt.generation import beam_search
from minigpt.generation.beam import exhaustive
from minigpt.generation.beam.exhaustive import (
    MOST_READ,
    Effort,
    affordable,
    best_of_all,
    count_texts,
    score_text,
)
from minigpt.model import MLPLM, TransformerLM

VOCAB, PROMPT = 5, [0, 1]


def tiny_model(seed: int, vocab_size: int = VOCAB) -> TransformerLM:
    """Return a random model with opinions, not so strong that greedy is always best."""
    torch.manual_seed(seed)
    model = TransformerLM(
        vocab_size=vocab_size, d_model=8, num_layers=1, num_heads=1, max_seq_len=12
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def settings(**changes) -> GenerationConfig:
    return GenerationConfig(
        **{"strategy": "beam", "max_new_tokens": 4, "num_beams": 2, **changes}
    )


def every_text(length: int, eos: int | None) -> list[tuple[int, ...]]:
    """List all that can be written: of full length, or ending before."""
    full = itertools.product(range(VOCAB), repeat=length)
    cut = {text[: text.index(eos) + 1] if eos in text else text for text in full}
    return sorted(cut)


def scores_by_hand(model, texts, config: GenerationConfig) -> dict:
    """Score texts with plain torch: one forward for all texts of one length."""
    scores = {}
    for length, some in itertools.groupby(sorted(texts, key=len), key=len):
        group = list(some)
        read = torch.tensor([[*PROMPT, *text] for text in group])
        log_probs = model(read).log_softmax(dim=-1).tolist()
        for text, own in zip(group, log_probs, strict=True):
            so_far, total = list(PROMPT), 0.0
            for token in text:
                seen = token in so_far
                factor = config.repetition_penalty if seen else 1.0
                total += factor * own[len(so_far) - 1][token]
                so_far.append(token)
            scores[text] = total / length**config.length_penalty
    return scores


def search(model, config: GenerationConfig, eos: int | None, **options):
    known = beam_search(model, PROMPT, config, eos).sequences[0]
    return best_of_all(model, PROMPT, config, eos, known, Effort(**options))


@pytest.mark.parametrize("eos", [None, 3])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.5, -1.0])
@pytest.mark.parametrize("repetition_penalty", [1.0, 1.6])
def test_no_other_text_scores_higher(eos, length_penalty, repetition_penalty):
    config = settings(
        length_penalty=length_penalty, repetition_penalty=repetition_penalty
    )
    for seed in range(4):
        model = tiny_model(seed)
        texts = every_text(config.max_new_tokens, eos)
        scores = scores_by_hand(model, texts, config)
        best = max(texts, key=scores.__getitem__)
        found = search(model, config, eos)
        assert found.num_texts == len(texts)
        assert tuple(found.text.tokens) == best
        assert found.text.score == pytest.approx(scores[best], abs=1e-4)


def test_what_is_found_does_not_depend_on_the_text_it_begins_with():
    config = settings(num_beams=1)
    for seed in range(8):
        model = tiny_model(seed)
        worst = [2] * config.max_new_tokens
        known = score_text(model, PROMPT, worst, config)
        found = best_of_all(model, PROMPT, config, 3, known)
        assert found.text.tokens == search(model, config, 3).text.tokens


def test_a_narrow_beam_can_miss_it_and_a_beam_of_all_texts_cannot():
    missed = 0
    for seed in range(8):
        model = tiny_model(seed)
        best = search(model, settings(), None).text
        narrow = beam_search(model, PROMPT, settings(num_beams=1), None).sequences[0]
        missed += narrow.tokens != best.tokens
        assert best.score >= narrow.score - 1e-5
        everything = settings(num_beams=64, max_new_tokens=2)
        whole = beam_search(model, PROMPT, everything, None).sequences[0]
        assert whole.tokens == search(model, everything, None).text.tokens
    assert missed >= 1


def test_a_given_text_is_scored_as_the_beam_scores_it():
    model = copy_gpt2(random_gpt2(0, vocab_size=13))
    config = settings(num_beams=3, max_new_tokens=7, repetition_penalty=1.3)
    for sequence in beam_search(model, [1, 2], config, 3).sequences:
        scored = score_text(model, [1, 2], sequence.tokens, config)
        assert scored.log_probs == pytest.approx(sequence.log_probs, abs=1e-4)
        assert scored.cumulative == pytest.approx(sequence.cumulative, abs=1e-4)
        assert scored.score == pytest.approx(sequence.score, abs=1e-4)


def test_most_texts_are_ruled_out_unread():
    found = search(tiny_model(0), settings(max_new_tokens=9), None)
    assert found.num_texts == VOCAB**9
    assert found.num_read < found.num_texts / 100


def test_too_many_beginnings_are_refused_with_the_numbers():
    with pytest.raises(DataError, match=r"625 texts of up to 4 tokens.*than 3 begin"):
        search(tiny_model(0), settings(), None, most_read=3)


def test_texts_that_outgrow_the_window_are_refused_with_the_remedy():
    model = tiny_model(0)
    config = settings(max_new_tokens=12)
    with pytest.raises(DataError, match=re.escape("write at most 11 tokens")):
        search(model, config, None)
    assert search(model, settings(max_new_tokens=11), None, most_read=10**6)


def test_a_diverged_model_is_said_to_be_one():
    model = tiny_model(0)
    known = beam_search(model, PROMPT, settings(), None).sequences[0]
    with torch.no_grad():
        model.token_embedding.weight[0] = torch.nan
    with pytest.raises(CheckpointError, match="training diverged"):
        best_of_all(model, PROMPT, settings(), None, known)


def test_larger_models_are_given_fewer_beginnings():
    small, large = tiny_model(0), copy_gpt2(random_gpt2(0, vocab_size=13))
    assert affordable(large, 0.001) < affordable(small, 0.001)
    assert affordable(small, 1e6) == MOST_READ


def test_it_tells_how_far_it_is():
    told = []
    found = search(
        tiny_model(1), settings(), None, report=lambda *each: told.append(each)
    )
    assert [length for length, _ in told] == list(range(1, len(told) + 1))
    assert sum(count for _, count in told) == found.num_read


def test_an_mlp_can_be_searched_too():
    torch.manual_seed(0)
    model = MLPLM(vocab_size=VOCAB, d_model=4, d_ff=8, max_seq_len=8).eval()
    config = settings(max_new_tokens=3)
    found = search(model, config, None)
    texts = every_text(3, None)
    best = max(texts, key=scores_by_hand(model, texts, config).__getitem__)
    assert tuple(found.text.tokens) == best


@pytest.mark.parametrize("eos", [None, 3])
def test_texts_are_counted_as_they_are_listed(eos):
    assert count_texts(VOCAB, 4, can_end=eos is not None) == len(every_text(4, eos))


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(exhaustive).failed == 0


@pytest.mark.parametrize("eos", [None, 3])
def test_reading_on_finds_what_reading_anew_finds(monkeypatch, eos):
    model = tiny_model(2)
    read_on = search(model, settings(), eos)
    for batch in (1, 3, 7):
        monkeypatch.setattr(exhaustive, "BATCH", batch)
        assert search(model, settings(), eos) == read_on
