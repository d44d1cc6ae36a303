"""What each part writes to every token is its share of that token's logit."""

import numpy as np
import pytest
import torch
from interpret.frozen_norm import straight
from model.test_transformer import VARIANTS, small_model, some_tokens

from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.part_lens import part_lens

TOKENS = some_tokens(1, 12)[0].tolist()


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_the_parts_add_up_to_every_logit(changes):
    model = small_model(**changes)
    found = part_lens(model, TOKENS, 7)
    with torch.inference_mode():
        logits = straight(model, model(torch.tensor([TOKENS]))[0, 7])
    np.testing.assert_allclose(found.written.sum(0), logits, atol=2e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_a_tokens_column_is_its_direct_logit_attribution(changes):
    model = small_model(**changes)
    found = part_lens(model, TOKENS, 7)
    for token in (0, 17, 52):
        split = attribute(model, TOKENS, 7, token)
        assert found.parts == split.parts
        np.testing.assert_allclose(found.written[:, token], split.shares, atol=1e-4)
        assert found.scale == split.scale


def test_a_head_writes_what_is_lost_where_its_output_is_taken_off_the_end():
    """Without the norm's division between, which is held: by subtraction, by hand."""
    model = small_model()
    found = part_lens(model, TOKENS, 7)
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor([TOKENS]), ["*hook_result", "*hook_resid_post"]
        )
        end, own = cache["resid_post", 1][0, 7], cache["result", 1][0, 7, 2]
        norm = model.ln_final

        def read(stream):
            centred = stream - stream.mean()
            return model.unembed(
                (centred / found.scale * norm.weight + norm.bias)[None, None]
            )[0, 0]

        lost = read(end) - read(end - own)
    np.testing.assert_allclose(found.of("L1H2"), lost, atol=1e-4)
