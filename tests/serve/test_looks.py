"""Activations over HTTP are the tensors of the hooks."""

import numpy as np
import pytest
import safetensors.torch
import torch

from minigpt.interpret.interventions.interventions import fwd_hooks, read_ablation

TEXT = "Mia had a red kite."


def recorded(service, names, ablations=()):
    tokens = torch.tensor([service.served.tokenizer.encode(TEXT)])
    model = service.served.model
    hooks = fwd_hooks(model, [read_ablation(each) for each in ablations])
    with torch.inference_mode(), model.hooks(hooks):
        return model.run_with_cache(tokens, names)[1]


def test_safetensors_hold_what_a_glob_matches(service):
    globs = ["blocks.*.attn.hook_z", "ln_final.*"]
    answer = service.post(
        "/v1/activations", prompt=TEXT, hooks=globs, format="safetensors"
    )
    own = recorded(service, globs)
    got = safetensors.torch.load(answer.content)
    assert sorted(got) == sorted(own)
    for name, value in got.items():
        torch.testing.assert_close(value, own[name])


@pytest.mark.parametrize("ablations", [[], ["L1H0"], ["L1H0[3,1]", "token2"]])
def test_json_holds_the_numbers_and_the_pieces(service, ablations):
    name = "blocks.2.hook_resid_post"
    asked = {"prompt": TEXT, "hooks": name, "interventions": ablations}
    answer = service.post("/v1/activations", **asked).json()
    own = recorded(service, name, ablations)[name]
    found = answer["activations"][name]
    assert found["shape"] == list(own.shape)
    np.testing.assert_allclose(found["data"], own, atol=1e-5)
    assert "".join(answer["pieces"]) == TEXT


def test_minus_infinity_is_null(service):
    name = "blocks.0.attn.hook_attn_scores"
    answer = service.post("/v1/activations", prompt=TEXT, hooks=name).json()
    scores = np.array(answer["activations"][name]["data"], dtype=object)
    future = np.triu(np.ones(scores.shape[-2:], bool), 1)
    assert (scores[..., future] == np.array(None)).all()
    own = recorded(service, name)[name].numpy()
    np.testing.assert_allclose(
        scores[..., ~future].astype(float), own[..., ~future], rtol=1e-5
    )
