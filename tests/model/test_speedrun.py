"""What the speedrun adds to a GPT: each part against its definition, read alone."""

import pytest
import torch
from model.test_transformer import small_model, some_tokens

from minigpt.config import ModelConfig, get_recipe
from minigpt.generation.window import Window
from minigpt.interpret.positions.word_order import without_positions
from minigpt.model import create_model
from minigpt.model.feedforward import fast_relu2, relu2

BOTH = {"token_shift": True, "value_embeddings": True}


def test_each_token_gets_a_share_of_the_embedding_before_it():
    model, tokens = small_model(token_shift=True), some_tokens()
    _, cache = model.run_with_cache(tokens, ["hook_embed", "hook_token_shift"])
    shift, mix = cache["token_shift"], model.token_shift.mix
    assert not shift[:, 0].any()
    assert torch.allclose(shift[:, 1:], cache["embed"][:, :-1] * mix)


def test_an_edited_embedding_reaches_the_token_after_it():
    model, tokens = small_model(token_shift=True, positional_encoding="none"), [[5, 6]]

    def silence_the_first(value, hook):
        value = value.clone()
        value[:, 0] = 0
        return value

    recorded = {}
    model.run_with_hooks(
        torch.tensor(tokens),
        [
            ("hook_embed", silence_the_first),
            ("hook_token_shift", lambda v, hook: recorded.update(shift=v)),
        ],
    )
    assert not recorded["shift"].any()


def test_a_value_is_what_the_stream_says_and_what_the_token_says_itself():
    model, tokens = small_model(value_embeddings=True), some_tokens()
    plain = small_model()
    plain.load_state_dict(model.state_dict(), strict=False)
    name = "blocks.0.attn.hook_v"
    own = model.blocks[0].attn.value_embedding.weight[tokens].unflatten(-1, (4, 8))
    (_, one), (_, other) = (m.run_with_cache(tokens, name) for m in (model, plain))
    assert torch.allclose(one[name], other[name] + own, atol=1e-5)


def test_without_either_the_weights_are_those_of_before():
    names = small_model().state_dict()
    more = small_model(**BOTH).state_dict().keys() - names.keys()
    assert more == {
        "token_shift.mix",
        "blocks.0.attn.value_embedding.weight",
        "blocks.1.attn.value_embedding.weight",
    }
    old = {
        name: value
        for name, value in ModelConfig().to_dict().items()
        if name not in BOTH
    }
    assert ModelConfig(**old) == ModelConfig()


@torch.inference_mode()
def test_a_text_written_token_by_token_has_the_logits_of_the_whole():
    model, text = small_model(**BOTH), some_tokens(2)
    window, expected = Window(model, 2, 24), model(text)
    for length in (4, *range(5, 25)):
        logits = window.next_logits(text[:, :length])
        torch.testing.assert_close(logits, expected[:, length - 1], atol=1e-4, rtol=0)


def test_beams_take_the_token_before_along():
    model, tokens = small_model(**BOTH), some_tokens()
    cache = model.new_cache(3)
    model(tokens[:, :9], cache)
    rows = torch.tensor([2, 0, 0, 1])
    cache.reorder(rows)
    continued = model(tokens[rows, 9:12], cache)
    assert torch.allclose(continued, model(tokens[rows, :12])[:, 9:], atol=1e-4)


def test_a_model_told_nothing_of_positions_is_not_told_by_the_shift():
    bare = without_positions(small_model(**BOTH), layers=1)
    logits = bare(torch.tensor([[3, 4, 5], [4, 3, 5]]))
    assert torch.allclose(logits[0, -1], logits[1, -1], atol=1e-5)


def test_checkpointed_blocks_still_see_their_tokens():
    gradients = []
    for checkpointing in (False, True):
        model = small_model(**BOTH).train()
        model.gradient_checkpointing = checkpointing
        model(some_tokens()).square().mean().backward()
        gradients.append({n: p.grad for n, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_the_squared_relu_has_the_gradient_that_autograd_finds():
    x = torch.linspace(-2, 2, 21, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(fast_relu2, (x,))
    assert torch.equal(fast_relu2(x), relu2(x))
    gradients = [torch.autograd.grad(f(x).sum(), x)[0] for f in (fast_relu2, relu2)]
    assert torch.equal(*gradients)


def test_the_recipe_begins_as_undecided_as_any():
    torch.manual_seed(0)
    settings = get_recipe("speedrun").transformer.replace(vocab_size=65)
    model = create_model("transformer", **settings.to_dict())
    tokens = torch.randint(65, (8, 64))
    loss = torch.nn.functional.cross_entropy(
        model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
    )
    assert loss.item() == pytest.approx(torch.tensor(65.0).log().item(), abs=0.2)
