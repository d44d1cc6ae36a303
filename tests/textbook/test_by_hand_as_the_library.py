"""Each definition by hand gives what the library's faster version gives."""

import json

import numpy as np
import pytest
import torch

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets import generate_tales
from minigpt.datasets.conversations import Conversation
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.changed_weights import moved
from minigpt.finetuning.supervised import learned_tokens
from minigpt.generation import Generator, beam_search
from minigpt.interpret.positions import embedding_space, position_views, word_order
from minigpt.model import TransformerLM
from minigpt.textbook import (
    beam,
    byte_pairs,
    embeddings,
    finetuning,
    generation,
    journal,
    positions,
)
from minigpt.tokenizers import CharTokenizer
from minigpt.tokenizers.chat import Message
from minigpt.tokenizers.inspection.merge_history import MergeHistory
from minigpt.tokenizers.inspection.merge_tree import merge_tree


def random_model(scheme: str = "rope", **settings) -> TransformerLM:
    """Return a model whose every weight differs, biases included."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "d_model": 24, "num_heads": 4, "num_layers": 2}
    sizes |= {"max_seq_len": 16, "positional_encoding": scheme, **settings}
    model = TransformerLM(**sizes).eval().requires_grad_(False)
    for weight in model.parameters():
        weight.add_(0.3 * torch.randn_like(weight))
    return model


TEXT = [3, 1, 4, 1, 5, 9, 2, 6]


def test_nearest_cosines_are_the_neighbours():
    table = random_model().token_embedding.weight
    found = embeddings.nearest_cosines(table, 3, 5)
    wanted = embedding_space.nearest(table.numpy(), 3, 5).cosines
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_plane_is_that_of_the_first_two_components():
    vectors = random_model().token_embedding.weight
    plane = embeddings.principal_plane(vectors)
    wanted = embedding_space.principal_components(vectors.numpy(), 2)
    np.testing.assert_allclose(plane["explained"], wanted.explained, atol=1e-6)
    points = wanted.project(vectors.numpy())
    np.testing.assert_allclose(plane["points"], points, atol=1e-5)


def test_cosines_by_step_compare_each_row_with_the_first():
    tables = [random_model().token_embedding.weight, torch.randn(20, 24)]
    found = embeddings.cosines_by_step(tables, [7, 2, 5])
    for table, row in zip(tables, found, strict=True):
        wanted = embedding_space.cosines_with(table.numpy(), 7)[[7, 2, 5]]
        np.testing.assert_allclose(row, wanted, atol=1e-6)


@pytest.mark.parametrize("d_model", [24, 7])
def test_sinusoids_are_the_models(d_model):
    model = random_model("sinusoidal", d_model=d_model, num_heads=1)
    wanted = position_views.position_vectors(model, "sinusoidal", 12)
    found = positions.sinusoidal_vectors(12, d_model)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("scheme", "by_hand"),
    [
        (
            "sinusoidal",
            lambda _: positions.mean_cosine_by_distance(
                positions.sinusoidal_vectors(16, 24)
            ),
        ),
        (
            "learned",
            lambda model: positions.mean_cosine_by_distance(
                model.position_embedding.weight
            ),
        ),
        (
            "rope",
            lambda model: positions.rope_by_distance(
                positions.rope_speeds(model.config), 16, 6
            ),
        ),
        ("alibi", lambda _: positions.alibi_by_distance(4, 16)),
        (
            "relative",
            lambda model: positions.relative_by_distance(
                model.blocks[1].attn.position_bias, 16
            ),
        ),
    ],
)
def test_values_by_distance_are_the_schemes(scheme, by_hand):
    model = random_model(scheme)
    wanted = position_views.by_distance(model, scheme, 1, 16)
    assert wanted is not None
    np.testing.assert_allclose(by_hand(model), wanted.values, atol=1e-5)


def test_biases_of_pairs_are_what_alibi_adds():
    wanted = position_views.head_bias(random_model("alibi"), "alibi", 0, 9)[2]
    found = positions.biases_of_pairs(positions.alibi_by_distance(4, 9)[2])
    np.testing.assert_array_equal(np.isnan(found), np.isinf(wanted))
    np.testing.assert_allclose(
        found.nan_to_num(0), np.nan_to_num(wanted, neginf=0.0), atol=1e-6
    )


STRETCHED = {"rope_factor": 4.0, "rope_trained_length": 9, "rope_fast_turns": 1.4}


@pytest.mark.parametrize(
    "settings",
    [
        *({}, {"rope_factor": 3.0}, STRETCHED, {"rope_dim": 4}),
        *(STRETCHED | {"rope_dim": 2}, STRETCHED | {"rope_ramp": "pairs"}),
    ],
    ids=str,
)
def test_turned_scores_are_those_of_the_complex_form(settings):
    model = random_model("rope", num_kv_heads=2, **{"rope_slow_turns": 0.1} | settings)
    turning = position_views.turning(model, TEXT, 1, 3, query=6, key=4)
    places = [(6, 4), (16, 14), (16, 4)]
    _, cache = model.run_with_cache(torch.tensor([TEXT]))
    query, key = cache["q", 1][0, 6, 3], cache["k", 1][0, 4, 1]
    speeds = positions.rope_speeds(model.config)
    found = positions.rope_scores(query, key, places, speeds)
    own = cache["attn_scores", 1][0, 3, 6, 4].item()
    assert found[0] == pytest.approx(own, abs=1e-5)
    kept = position_views.by_distance(model, "rope", 1, 9).values
    by_hand = positions.rope_by_distance(speeds, 9, model.config.d_head)
    np.testing.assert_allclose(by_hand, kept, atol=1e-5)
    assert found == pytest.approx([turning.score(*each) for each in places], abs=1e-5)
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_a_shuffle_changes_what_the_order_test_says():
    model, order = random_model(), [2, 0, 1, 5, 4, 3, 6, 7]
    wanted = word_order.order_test(model, TEXT, order).largest_change
    found = positions.change_when_shuffled(model, torch.tensor([TEXT]), order)
    assert found == pytest.approx(wanted, abs=1e-6)
    assert found > 1e-4


@pytest.fixture(scope="module")
def history() -> MergeHistory:
    return MergeHistory.learn(generate_tales(5_000), vocab_size=360)


def test_pairs_and_tokens_are_counted_as_the_fast_trainer_counts(history):
    text = generate_tales(5_000)
    assert byte_pairs.token_counts(text, 360) == history.token_counts
    for merges in (0, 37, len(history.steps)):
        early = history.tokenizer.limited_to(merges)
        wanted = [pair.count for pair in history.pairs(merges).top]
        assert byte_pairs.pair_counts(text, early, len(wanted)) == wanted


@pytest.mark.parametrize("text", ["", "a little kite", "naïve 🙂 the thethe"])
def test_joins_are_those_of_the_tree_and_end_at_the_tokens(history, text):
    tokenizer = history.tokenizer
    found = byte_pairs.joins(text, tokenizer.merges)
    nodes = merge_tree(tokenizer, text)
    wanted = [[n.start, n.end, n.rank] for n in nodes if n.rank is not None]
    assert found == wanted
    assert len(text.encode()) - len(found) == len(tokenizer.encode(text))


def test_surprise_and_entropy_are_those_of_one_reading():
    model = random_model()
    found = generation.surprise_and_entropy(model, TEXT[:3], TEXT[3:])
    p = model(torch.tensor([TEXT]))[0].softmax(-1)
    for place, token in enumerate(TEXT[3:]):
        row = p[2 + place]
        assert float(found["surprise"][place]) == pytest.approx(
            -float(row[token].log()), abs=1e-5
        )
        assert float(found["entropy"][place]) == pytest.approx(
            float(torch.distributions.Categorical(row).entropy()), abs=1e-5
        )


def test_tokens_at_a_place_are_counted():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefghijklmnop")
    generator = Generator(random_model(vocab_size=tokenizer.vocab_size), tokenizer)
    config = GenerationConfig(max_new_tokens=2, stop_at_eos=False)
    texts = [generator.generate("abc", config.replace(seed=seed)) for seed in range(12)]
    counts = generation.token_counts_at(texts, 1)
    assert list(counts) == sorted(counts)
    assert sum(counts.values()) == 12
    for token, count in counts.items():
        assert count == sum(text.tokens[1] == token for text in texts)


@pytest.mark.parametrize("eos_id", [None, 5])
@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_candidates_and_sums_are_those_of_the_cached_search(eos_id, penalty):
    model = random_model()
    config = GenerationConfig(
        strategy="beam", num_beams=3, max_new_tokens=4, repetition_penalty=penalty
    )
    search = beam_search(model, TEXT[:4], config, eos_id)
    prompt, steps = torch.tensor([TEXT[:4]]), int(search.steps[-1])
    found = beam.candidate_sums(model, prompt, 3, steps, eos_id, penalty)
    np.testing.assert_allclose(found, search.cumulative, atol=1e-4)
    for text in search.sequences:
        total = beam.sum_of_log_probs(model, prompt, text.tokens, penalty)
        assert total == pytest.approx(text.cumulative, abs=1e-4)


def test_answer_losses_are_those_that_the_fine_tuning_counts():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefghijklmnop ")
    base = Checkpoint(
        random_model(vocab_size=tokenizer.vocab_size, max_seq_len=32), tokenizer, None
    )
    model, tokenizer, _ = ready_to_chat(base)
    messages = (Message("user", "abc"), Message("assistant", "de f"))
    wanted = [
        token.loss
        for token in learned_tokens(model, tokenizer, Conversation(messages))
        if token.is_learned
    ]
    assert len(wanted) == 5
    found = finetuning.answer_losses(model, tokenizer, messages)
    assert found == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("mlp", ["gelu", "swiglu"])
def test_matrix_changes_are_those_of_the_comparison(mlp):
    before, after = (random_model(num_kv_heads=2, activation=mlp) for _ in range(2))
    after.blocks[1].attn.qkv.weight[3] += 1.0
    after.blocks[0].mlp.output.weight *= 1.1
    wanted = moved(before, after).relative
    found = finetuning.matrix_changes(before, after)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert (found > 0).sum() == 2


def test_a_journal_is_read_line_by_line(tmp_path):
    records = [{"kind": "step", "step": 1}, {"kind": "evaluation", "step": 1}]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    assert journal.records_of(str(path), "step") == records[:1]
