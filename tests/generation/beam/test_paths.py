"""Greedy's text and the best of all, found again in the tree of a search."""

import pytest
import torch
from model.gpt2_oracle import copy_gpt2, random_gpt2

from minigpt.config import GenerationConfig
from minigpt.generation import beam_search
from minigpt.generation.beam.exhaustive import score_text
from minigpt.generation.beam.paths import (
    better_prompt,
    greedy_text,
    log_normalizer,
    trace_paths,
)

PROMPT = [1, 2]


def settings(**changes) -> GenerationConfig:
    return GenerationConfig(
        **{"strategy": "beam", "max_new_tokens": 6, "num_beams": 3, **changes}
    )


@pytest.fixture(scope="module")
def model():
    return copy_gpt2(random_gpt2(0, vocab_size=13))


def test_a_text_that_was_found_runs_along_the_tree(model):
    search = beam_search(model, PROMPT, settings(), None)
    traced = trace_paths(search, search.sequences, 1.0)
    assert traced.nodes == search.candidates
    for path, sequence in zip(traced.paths, search.sequences, strict=True):
        assert path == [node.id for node in search.path(sequence.candidate)]
    assert traced.left_beam(0) is None


def test_where_the_tree_ends_a_text_goes_on_beside_it(model):
    search = beam_search(model, PROMPT, settings(), None)
    pruned = next(
        node for node in search.candidates if node.status == "pruned" and node.step == 2
    )
    tokens = [*(node.token for node in search.path(pruned.id)), 4, 5]
    text = score_text(model, PROMPT, tokens, settings())
    traced = trace_paths(search, [text, text], 1.0)
    path = traced.paths[0]
    assert traced.paths[1] == path  # the second time, all of it is there
    assert path[:2] == [node.id for node in search.path(pruned.id)]
    assert traced.left_beam(0) == 2
    added = [traced.nodes[node] for node in path[2:]]
    assert len(traced.nodes) == len(search.candidates) + 2
    assert [node.status for node in added] == ["unseen", "unseen"]
    assert [node.token for node in added] == [4, 5]
    assert [node.parent for node in added] == [pruned.id, added[0].id]
    assert added[-1].cumulative == pytest.approx(text.cumulative)
    assert added[-1].score == pytest.approx(text.score)
    assert [traced.nodes[node].id for node in path] == path


def test_greedy_takes_the_likeliest_token_each_time(model):
    text, total = list(PROMPT), 0.0
    for _ in range(6):
        best = model(torch.tensor([text]))[0, -1].log_softmax(-1).max(-1)
        total += best.values.item()
        text.append(best.indices.item())
    greedy = greedy_text(model, PROMPT, settings(), None)
    assert greedy.tokens == text[2:]
    assert greedy.cumulative == pytest.approx(total, abs=1e-4)


def test_a_prompt_is_found_on_which_greedy_begins_wrongly(model):
    prompts = [[a, b] for a in range(4) for b in range(4)]
    found = better_prompt(model, prompts, settings(), None)
    assert found is not None
    for number, prompt in enumerate(prompts[: found + 1]):
        greedy = greedy_text(model, prompt, settings(), None)
        best = beam_search(model, prompt, settings(), None).sequences[0]
        wrong = greedy.tokens[0] != best.tokens[0]
        assert (wrong and best.cumulative > greedy.cumulative) == (number == found)
    assert better_prompt(model, prompts[:found], settings(), None) is None


def test_a_log_probability_is_a_logit_minus_the_normalizer(model):
    result = beam_search(model, PROMPT, settings(), None)
    for node in result.candidates[-3:]:
        read = [*PROMPT, *(each.token for each in result.path(node.id)[:-1])]
        logit = model(torch.tensor([read]))[0, -1, node.token].item()
        assert node.log_prob == pytest.approx(
            logit - log_normalizer(model, read), abs=1e-4
        )
