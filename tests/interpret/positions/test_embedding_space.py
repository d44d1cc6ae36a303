"""Neighbours, components and drift, against torch and numpy on the same vectors."""

import numpy as np
import pytest
import torch

from minigpt.checkpoint import save_checkpoint
from minigpt.errors import CheckpointError
from minigpt.interpret.positions import embedding_space as space
from minigpt.model import create_model
from minigpt.tokenizers import CharTokenizer

rng = np.random.default_rng(0)
VECTORS = rng.normal(size=(40, 6)) * [5, 3, 1, 1, 1, 0.1] + 2


def model(**settings):
    torch.manual_seed(settings.pop("seed", 0))
    defaults = {"vocab_size": 9, "d_model": 8, "num_layers": 1, "num_heads": 2}
    return create_model("transformer", **{**defaults, **settings})


def test_neighbours_are_those_of_torchs_cosine():
    found = space.nearest(VECTORS, 7, count=5)
    rows = torch.from_numpy(VECTORS)
    cosines = torch.cosine_similarity(rows, rows[7:8])
    cosines[7] = -1
    best = cosines.topk(5)
    assert found.tokens == best.indices.tolist()
    np.testing.assert_allclose(found.cosines, best.values)


def test_a_vector_of_zeros_is_like_nothing_and_a_token_is_not_its_own_neighbour():
    table = np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    assert space.cosines_with(table, 0).tolist() == [1, 0, -1]
    assert space.nearest(table, 0).tokens == [1, 2]
    assert space.nearest(table[:1], 0).tokens == []


def test_a_token_is_beside_its_kind_if_the_nearest_of_all_tokens_is_one():
    angles = np.radians([0, 10, 90, 103, 99, 180])
    table = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    kinds = {0: "name", 1: "name", 2: "thing", 3: "thing"}
    # 4 is of no kind, and the nearest to 2 and to 3.
    assert space.share_beside_own_kind(table, kinds) == 0.5
    assert space.share_beside_own_kind(table, {**kinds, 4: "thing"}) == 1
    assert space.share_beside_own_kind(table, {0: "name", 1: "thing"}) == 0


def test_the_least_cosine_is_of_the_two_rows_that_are_least_alike():
    rows = torch.from_numpy(VECTORS)
    pairs = torch.cosine_similarity(rows[:, None], rows[None], dim=2)
    assert space.least_cosine(VECTORS) == pytest.approx(pairs.min().item())


def test_components_are_the_covariances_eigenvectors():
    found = space.principal_components(VECTORS, 3)
    values, vectors = np.linalg.eigh(np.cov(VECTORS.T))
    np.testing.assert_allclose(found.explained, values[::-1][:3] / values.sum())
    cosines = np.abs((found.directions * vectors.T[::-1][:3]).sum(axis=1))
    np.testing.assert_allclose(cosines, 1)


def test_components_are_torchs_singular_vectors_and_keep_one_sign():
    found = space.principal_components(VECTORS, 2)
    centred = torch.from_numpy(VECTORS - VECTORS.mean(0))
    _, _, v = torch.linalg.svd(centred, full_matrices=False)
    projected = found.project(VECTORS)
    np.testing.assert_allclose(
        np.abs(projected), np.abs((centred @ v[:2].T).numpy()), atol=1e-10
    )
    largest = np.abs(found.directions).argmax(axis=1)
    assert (found.directions[[0, 1], largest] > 0).all()
    again = space.principal_components(VECTORS[::-1], 2)
    np.testing.assert_allclose(again.directions, found.directions)


def test_one_point_has_no_variance():
    found = space.principal_components(VECTORS[:1], 3)
    assert found.explained.tolist() == [0]
    assert found.project(VECTORS[:1]).tolist() == [[0]]


def test_the_table_is_the_one_asked_for():
    tied, free = model(), model(tie_embeddings=False)
    assert tied.ties_embeddings
    assert not free.ties_embeddings
    np.testing.assert_array_equal(
        space.token_table(tied, "unembedding"), tied.token_embedding.weight.detach()
    )
    np.testing.assert_array_equal(
        space.token_table(free, "unembedding"), free.head.weight.detach()
    )
    mlp = create_model("mlp", vocab_size=9, d_model=4, d_ff=6)
    assert space.token_table(mlp).shape == (9, 4)
    assert space.token_table(mlp, "unembedding").shape == (9, 6)


def test_the_commonest_tokens_come_first():
    assert space.frequent_tokens(np.array([[3, 1, 3], [1, 3, 2]]), 2) == [3, 1]


def test_a_large_vocabulary_is_sampled_and_keeps_what_it_must():
    assert space.sampled_tokens(5, 10).tolist() == [0, 1, 2, 3, 4]
    drawn = space.sampled_tokens(50_000, 100, always=(7, 49_999))
    assert {7, 49_999} <= set(drawn.tolist())
    assert len(drawn) <= 102
    assert drawn.tolist() == space.sampled_tokens(50_000, 100, (7, 49_999)).tolist()


@pytest.mark.parametrize("which", ["embedding", "unembedding"])
@pytest.mark.parametrize("tied", [True, False])
def test_drift_reads_each_steps_own_vectors(tmp_path, which, tied):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcde")
    saved, tables = [], []
    for step in (0, 5):
        each = model(seed=step, tie_embeddings=tied)
        save_checkpoint(tmp_path / str(step), each, tokenizer, step=step)
        saved.append((step, tmp_path / str(step)))
        tables.append(torch.from_numpy(space.token_table(each, which)).clone())
    found = space.drift(saved, [4, 6, 5], which)
    for row, table in enumerate(tables):
        expected = torch.cosine_similarity(table[[4, 6, 5]], table[4:5])
        np.testing.assert_allclose(found.cosines[row], expected, atol=1e-6)
    basis = space.principal_components(tables[-1].numpy(), 2)
    np.testing.assert_allclose(
        found.paths[0], basis.project(tables[0][[4, 6, 5]].numpy()), atol=1e-6
    )


def test_a_damaged_step_is_named(tmp_path):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcde")
    save_checkpoint(tmp_path / "0", model(), tokenizer, step=0)
    (tmp_path / "0" / "model.safetensors").write_bytes(b"none")
    with pytest.raises(CheckpointError, match="damaged"):
        space.saved_table(tmp_path / "0")
