"""A share taken apart: its neurons, and the one number that decides."""

import numpy as np
import pytest
import torch
from interpret.frozen_norm import frozen_norm
from model.test_transformer import small_model, some_tokens

from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.attribution_detail import decisive_entry, rank_neurons

TOKENS = some_tokens(1, 12)[0].tolist()
POSITION, A, B = 6, 7, 21
GEMMA = {"activation": "geglu", "post_norms": True, "norm": "rmsnorm"}


@pytest.mark.parametrize("changes", [{}, {"activation": "swiglu"}, GEMMA], ids=str)
def test_the_neurons_of_an_mlp_add_up_to_its_share(changes):
    model = small_model(**changes)
    found = attribute(model, TOKENS, POSITION, A)
    share = found.shares[[part.name for part in found.parts].index("L1 MLP")]
    neurons = rank_neurons(model, TOKENS, POSITION, 1, A)
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor([TOKENS]))
        bias = model.blocks[1].mlp.output.bias
        if model.config.post_norms:
            size = cache["blocks.1.ln2_post.hook_scale"][0, POSITION]
            bias = frozen_norm(model.blocks[1].ln2_post, bias, size)
        scale = cache["ln_final.hook_scale"][0, POSITION]
        said = model.unembed(frozen_norm(model.ln_final, bias, scale)[None, None])[
            0, 0, A
        ]
    assert neurons.shares.sum() + float(said) == pytest.approx(share, abs=1e-4)
    post = cache["post", 1][0, POSITION].numpy()
    np.testing.assert_allclose(neurons.activations, post[neurons.neurons], atol=1e-5)
    assert (np.diff(np.abs(neurons.shares)) <= 1e-6).all()


@pytest.mark.parametrize("changes", [{}, GEMMA], ids=str)
@pytest.mark.parametrize("name", ["embedding", "L1H2", "L0 MLP"])
def test_without_its_decisive_number_a_share_changes_most(name, changes):
    model = small_model(**changes)
    found = attribute(model, TOKENS, POSITION, A, B)
    part = next(part for part in found.parts if part.name == name)
    index = decisive_entry(model, TOKENS, POSITION, part, A, B)
    assert index[:2] == (0, POSITION)
    assert index[2:-1] == (() if part.head is None else (part.head,))
    with torch.inference_mode():
        _, cache = model.run_with_cache(torch.tensor([TOKENS]))
        scale = cache["ln_final.hook_scale"][0, POSITION]
        value = cache[part.hook][0, POSITION]
        changes = []
        for place in range(value.shape[-1]):
            alone = torch.zeros_like(value)
            alone[..., place] = value[..., place]
            if part.head is not None:
                weight = model.blocks[1].attn.output.weight
                width = value.shape[-1]
                columns = weight[:, part.head * width : (part.head + 1) * width]
                alone = columns @ alone[part.head]
                if model.config.post_norms:
                    size = cache["blocks.1.ln1_post.hook_scale"][0, POSITION]
                    alone = frozen_norm(model.blocks[1].ln1_post, alone, size)
            said = model.unembed(frozen_norm(model.ln_final, alone, scale)[None, None])[
                0, 0
            ]
            changes.append(abs(float(said[A] - said[B])))
    assert index[-1] == int(np.argmax(changes))
