import itertools

import pytest
import torch
from model.gpt2_oracle import copy_gpt2, random_gpt2

from minigpt.config import GenerationConfig
from minigpt.errors import CheckpointError
from minigpt.generation import beam_search
from minigpt.model import TransformerLM

EOS = 3


def oracle(reference, prompt, config: GenerationConfig, eos: int | None):
    """What `transformers` finds: all texts, best first, and their scores."""
    width = config.num_beams
    output = reference.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        num_beams=width,
        num_return_sequences=width,
        max_new_tokens=config.max_new_tokens,
        length_penalty=config.length_penalty,
        early_stopping=config.early_stopping,
        repetition_penalty=config.repetition_penalty,
        no_repeat_ngram_size=config.no_repeat_ngram or 0,
        do_sample=False,
        eos_token_id=eos,
        pad_token_id=0,
        output_scores=True,
        return_dict_in_generate=True,
    )
    texts = []
    for text in output.sequences[:, len(prompt) :].tolist():
        # Shorter texts are padded, with a token that may also be a real one.
        end = text.index(eos) + 1 if eos in text else len(text)
        texts.append(text[:end])
    scores = [] if width == 1 else output.sequences_scores.tolist()
    return texts, scores


def frequent_token(reference, prompt) -> int:
    """Name a token that searches meet early, to be the end of text."""
    config = settings(num_beams=5, max_new_tokens=6)
    texts, _ = oracle(reference, prompt, config, None)
    return texts[1][3]


def settings(**changes) -> GenerationConfig:
    return GenerationConfig(
        **{"strategy": "beam", "max_new_tokens": 14, "num_beams": 3, **changes}
    )


PROMPTS = ([1, 2], [5, 7, 11, 4])


@pytest.fixture(scope="module")
def cases():
    """Two models, theirs and ours, with two prompts and an end of text for each."""
    found = []
    for seed in range(2):
        reference = random_gpt2(seed, vocab_size=13)
        model = copy_gpt2(reference)
        for prompt in PROMPTS:
            eos = frequent_token(reference, prompt)
            found.append((reference, model, prompt, eos))
    return found


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_texts_are_those_that_transformers_finds(
    width, length_penalty, early_stopping, cases
):
    config = settings(
        num_beams=width, length_penalty=length_penalty, early_stopping=early_stopping
    )
    ended = 0
    for reference, model, prompt, eos in cases:
        texts, scores = oracle(reference, prompt, config, eos)
        found = beam_search(model, prompt, config, eos).sequences
        assert [sequence.tokens for sequence in found] == texts
        if width > 1:
            assert [s.score for s in found] == pytest.approx(scores, abs=1e-4)
        ended += sum(text[-1] == eos for text in texts)
    assert ended >= 1  # else the rules of ending were not tried


def test_every_number_of_a_text_is_what_transformers_says(cases):
    config = settings(num_beams=4, length_penalty=0.7)
    for reference, model, prompt, eos in cases:
        output = reference.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            num_beams=4,
            num_return_sequences=4,
            max_new_tokens=config.max_new_tokens,
            length_penalty=0.7,
            do_sample=False,
            eos_token_id=eos,
            pad_token_id=0,
            output_scores=True,
            return_dict_in_generate=True,
        )
        steps = reference.compute_transition_scores(
            output.sequences, output.scores, output.beam_indices
        )
        found = beam_search(model, prompt, config, eos).sequences
        for sequence, theirs, score in zip(
            found, steps.tolist(), output.sequences_scores.tolist(), strict=True
        ):
            length = len(sequence.tokens)
            assert sequence.log_probs == pytest.approx(theirs[:length], abs=1e-4)
            assert sequence.cumulative == pytest.approx(sum(theirs[:length]), abs=1e-4)
            assert sequence.score == pytest.approx(score, abs=1e-4)
            assert score == pytest.approx(sequence.cumulative / length**0.7, abs=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"length_penalty": -1.0},
        {"repetition_penalty": 1.5},
        {"no_repeat_ngram": 2},
        {"max_new_tokens": 1},
    ],
    ids=str,
)
def test_other_settings_act_as_in_transformers(changes, cases):
    for reference, model, prompt, eos in cases:
        config = settings(**changes)
        texts, _ = oracle(reference, prompt, config, eos)
        found = beam_search(model, prompt, config, eos).sequences
        assert [sequence.tokens for sequence in found] == texts


def test_without_an_end_token_too(cases):
    config = settings(num_beams=4)
    for reference, model, prompt, _ in cases:
        texts, _ = oracle(reference, prompt, config, None)
        found = beam_search(model, prompt, config, None).sequences
        assert [sequence.tokens for sequence in found] == texts


def tiny_model() -> TransformerLM:
    torch.manual_seed(4)
    model = TransformerLM(
        vocab_size=4, d_model=8, num_layers=1, num_heads=1, max_seq_len=12
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    return model.eval()


def test_a_beam_as_wide_as_all_texts_finds_the_best_of_all():
    model, prompt, length = tiny_model(), [0, 1], 3
    config = settings(num_beams=64, max_new_tokens=length)
    found = beam_search(model, prompt, config, None).sequences

    def log_prob(text) -> float:
        log_probs = model(torch.tensor([[*prompt, *text]]))[0].log_softmax(dim=-1)
        return sum(log_probs[1 + i, token].item() for i, token in enumerate(text))

    every = sorted(itertools.product(range(4), repeat=length), key=log_prob)
    assert found[0].tokens == list(every[-1])
    assert found[0].score == pytest.approx(log_prob(every[-1]) / length, abs=1e-5)


def test_every_candidate_is_in_the_result_with_its_fate():
    model = copy_gpt2(random_gpt2(0, vocab_size=13))
    config = settings(num_beams=3, max_new_tokens=8)
    result = beam_search(model, [1, 2], config, EOS)
    for step in range(1, 1 + max(c.step for c in result.candidates)):
        level = [c for c in result.candidates if c.step == step]
        assert len(level) == 6
        assert [c.rank for c in level] == list(range(6))
        totals = [c.cumulative for c in level]
        assert totals == sorted(totals, reverse=True)
        if step < config.max_new_tokens:
            assert sum(c.status == "kept" for c in level) == 3
    for candidate in result.candidates:
        path = result.path(candidate.id)
        assert candidate.cumulative == pytest.approx(
            sum(node.log_prob for node in path), abs=1e-4
        )
        assert candidate.score == pytest.approx(candidate.cumulative / len(path))
        assert all(node.status == "kept" for node in path[:-1])


def test_a_candidates_log_probability_is_the_models():
    model = copy_gpt2(random_gpt2(0, vocab_size=13))
    result = beam_search(model, [1, 2], settings(), EOS)
    for candidate in result.candidates[-6:]:
        path = [node.token for node in result.path(candidate.id)]
        logits = model(torch.tensor([[1, 2, *path]]))[0, -2]
        expected = logits.log_softmax(dim=-1)[path[-1]].item()
        assert candidate.log_prob == pytest.approx(expected, abs=1e-4)


def test_candidates_that_end_say_why():
    reference = random_gpt2(0, vocab_size=13)
    eos = frequent_token(reference, [1, 2])
    result = beam_search(copy_gpt2(reference), [1, 2], settings(), eos)
    for candidate in result.candidates:
        ends = candidate.token == eos
        assert ends == ("ends" in candidate.reason)
        if ends:
            first = candidate.rank < 3
            assert candidate.status == ("finished" if first else "pruned")
    answer = result.candidates[result.returned[0]]
    assert answer.returned == 0
    assert answer.score == max(
        c.score for c in result.candidates if c.status == "finished"
    )


def test_a_full_window_forgets_its_older_half():
    model, prompt = tiny_model(), [0, 1, 2, 3, 0, 1, 2, 3]
    result = beam_search(model, prompt, settings(max_new_tokens=9), None)
    assert result.forgot == 13 - 6  # read again once, when the 13th token came
    last = result.path(result.returned[0])[-1]
    text = [*prompt, *result.sequences[0].tokens]
    logits = model(torch.tensor([text[result.forgot : -1]]))[0, -1]
    expected = logits.log_softmax(dim=-1)[text[-1]].item()
    assert last.log_prob == pytest.approx(expected, abs=1e-4)


def test_more_beams_than_there_are_texts_are_no_trouble():
    found = beam_search(tiny_model(), [0], settings(num_beams=9, max_new_tokens=1), 3)
    assert sorted(sequence.tokens for sequence in found.sequences) == [
        [0],
        [1],
        [2],
        [3],
    ]


def test_a_diverged_model_is_said_to_be_one():
    model = tiny_model()
    with torch.no_grad():
        model.token_embedding.weight[0] = torch.nan
    with pytest.raises(CheckpointError, match="training diverged"):
        beam_search(model, [0, 1], settings(), None)
