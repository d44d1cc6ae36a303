"""A norm after the embedding: as loud from the start, however small the table is."""

import pytest
import torch
from model.test_transformer import small_model, some_tokens

from minigpt.config import ModelConfig
from minigpt.finetuning.chat import with_vocabulary
from minigpt.interpret.differences.gradients import saliency
from minigpt.interpret.provenance.trace import trace
from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.journey import journey
from minigpt.model import TransformerLM
from minigpt.model.sizes import num_parameters, training_flops_per_token
from minigpt.textbook.attribution import logit_shares

HOOKS = ["hook_embed", "ln_embed.hook_scale", "ln_embed.hook_normalized"]
FREE = {"embedding_norm": True, "tie_embeddings": False}


def test_each_row_keeps_its_direction_and_gets_a_root_mean_square_of_one():
    model, tokens = small_model(**FREE), some_tokens()
    _, cache = model.run_with_cache(tokens, [*HOOKS, "*hook_pos_embed", "*resid_pre"])
    rows = model.token_embedding.weight[tokens]
    assert torch.equal(cache["hook_embed"], rows)
    scale = (rows.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(cache["ln_embed.hook_scale"], scale)
    normed = cache["ln_embed.hook_normalized"]
    torch.testing.assert_close(normed, rows / scale)
    stream = cache["blocks.0.hook_resid_pre"]
    torch.testing.assert_close(stream, normed + cache["hook_pos_embed"])


def test_it_costs_no_weight_and_adds_two_hooks():
    plain, normed = small_model(), small_model(embedding_norm=True)
    assert normed.state_dict().keys() == plain.state_dict().keys()
    assert set(normed.hook_points) - set(plain.hook_points) == set(HOOKS[1:])
    assert plain.embedding_hook == "hook_embed"
    assert normed.embedding_hook == "ln_embed.hook_normalized"
    sizes = (num_parameters, training_flops_per_token)
    for count in sizes:
        assert count(normed.config) == count(plain.config)
    old = ModelConfig().to_dict()
    del old["embedding_norm"]
    assert ModelConfig(**old) == ModelConfig()


def test_a_small_start_is_as_loud_as_a_large_one():
    for std in (0.05, 1.0):
        torch.manual_seed(0)
        model = TransformerLM(vocab_size=53, d_model=64, embedding_std=std, **FREE)
        tokens = torch.arange(53)[None]
        _, cache = model.run_with_cache(tokens, HOOKS)
        assert cache["hook_embed"].std().item() == pytest.approx(std, rel=0.05)
        size = cache["ln_embed.hook_normalized"].square().mean(-1).sqrt()
        torch.testing.assert_close(size, torch.ones_like(size), atol=0.01, rtol=0)


@torch.no_grad()
def test_what_the_table_is_multiplied_with_changes_no_logit():
    model, tokens = small_model(**FREE), some_tokens()
    before = model(tokens)
    model.token_embedding.weight.mul_(7)
    torch.testing.assert_close(model(tokens), before, atol=2e-3, rtol=0)
    model.token_embedding.weight[:, 0] += 1
    assert not torch.allclose(model(tokens), before, atol=0.1)


def test_gradients_turn_the_rows_that_were_read_and_stretch_none():
    model, tokens = small_model(**FREE).double(), some_tokens(1, 12)
    model.ln_embed.eps = 0.0
    model(tokens).square().mean().backward()
    table = model.token_embedding.weight
    read = torch.zeros(53, dtype=torch.bool)
    read[tokens.unique()] = True
    assert (table.grad.norm(dim=1) > 1e-6).equal(read)
    along = (table.grad * table).sum(1).abs()
    assert (along <= 1e-9 * table.grad.norm(dim=1) * table.norm(dim=1)).all()


def test_the_gradient_of_a_number_of_the_table_is_what_a_small_change_does():
    model, tokens = small_model(**FREE).double(), torch.tensor([[5, 6, 7, 8]])

    def score():
        return model(tokens)[0, -1, 9]

    score().backward()
    weight = model.token_embedding.weight
    with torch.no_grad():
        for place in ((5, 3), (8, 30)):
            changed = []
            for step in (1e-6, -1e-6):
                weight[place] += step
                changed.append(score().item())
                weight[place] -= step
            slope = (changed[0] - changed[1]) / 2e-6
            assert weight.grad[place].item() == pytest.approx(slope, rel=1e-4)


def test_an_edit_of_the_row_is_normed_and_one_of_the_normed_value_is_not():
    model, tokens = small_model(**FREE), some_tokens()
    plain = model(tokens)

    def edited(name):
        return model.run_with_hooks(tokens, [(name, lambda value, hook: 3 * value)])

    torch.testing.assert_close(edited("hook_embed"), plain, atol=2e-3, rtol=0)
    assert not torch.allclose(edited("ln_embed.hook_normalized"), plain, atol=0.1)


def test_the_token_after_gets_its_share_of_the_normed_value():
    model = small_model(embedding_norm=True, token_shift=True)
    _, cache = model.run_with_cache(some_tokens(), [*HOOKS, "hook_token_shift"])
    before = cache["ln_embed.hook_normalized"][:, :-1]
    expected = before * model.token_shift.mix
    torch.testing.assert_close(cache["hook_token_shift"][:, 1:], expected)


def test_all_that_tells_the_stream_apart_begins_with_the_normed_value():
    model, tokens = small_model(**FREE), some_tokens(1, 8)
    ids = tokens[0].tolist()
    _, cache = model.run_with_cache(tokens)
    normed = cache["ln_embed.hook_normalized"][0]
    stage = journey(model, ids).stages[0]
    assert stage.added_name == "ln_embed.hook_normalized"
    torch.testing.assert_close(torch.tensor(stage.added), normed.norm(dim=-1))
    found = attribute(model, ids, 5, 9)
    by_hand = logit_shares(model, tokens, 5, 9)
    assert found.parts[0].hook == "ln_embed.hook_normalized"
    assert by_hand["embedding"] == pytest.approx(float(found.shares[0]), abs=1e-4)
    assert sum(by_hand.values()) == pytest.approx(found.logit, abs=1e-3)
    made = trace(model, ids, "blocks.0.hook_resid_pre", (0, 2, 3))
    assert made.formula == "ln_embed.normalized + pos_embed"
    assert made.operands.columns["value"][0] == pytest.approx(normed[2, 3].item())


def test_saliency_fades_the_normed_value_because_fading_a_row_does_nothing():
    model = small_model(**FREE)
    scores = torch.tensor(saliency(model, [5, 6, 7, 8], 9).scores)
    assert scores.abs().max() > 1e-2
    _, cache = model.run_with_cache(
        torch.tensor([[5, 6, 7, 8]]),
        "hook_embed",
        incl_bwd=True,
        loss=lambda logits: logits[0, -1, 9],
    )
    of_rows = (cache["hook_embed_grad"] * cache["hook_embed"]).sum(-1)[0]
    assert (of_rows.abs() < 1e-2 * scores.abs().max()).all()


def test_a_larger_vocabulary_keeps_the_norm():
    larger = with_vocabulary(small_model(**FREE), 60)
    assert larger.config.embedding_norm
    _, cache = larger.run_with_cache(torch.arange(53, 60)[None], HOOKS)
    size = cache["ln_embed.hook_normalized"].square().mean(-1)
    torch.testing.assert_close(size, torch.ones_like(size), atol=0.01, rtol=0)
