"""Settings that no model has: refused in one line, before they cost anything."""

import json
import math
import time

import pytest
import torch
import transformers
from pretrained.test_pretrained import random_llama, saved, set_field, tokenizer

import minigpt
from minigpt.errors import CheckpointError
from minigpt.pretrained.adapters import ADAPTER_FILE, Adapter
from minigpt.pretrained.load import read_model

LLAMA = {
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
    "vocab_size": 32,
}
__all__ = ["saved", "tokenizer"]  # fixtures

GEMMA2 = LLAMA | {"model_type": "gemma2"}
NEO = LLAMA | {"model_type": "gpt_neo", "num_heads": 2}
NEOX = LLAMA | {"model_type": "gpt_neox"}
YARN = {"rope_type": "yarn", "original_max_position_embeddings": 4}
ZERO = {"factor": math.exp(1), "mscale": 1.0, "mscale_all_dim": -10.0}


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        pytest.param(LLAMA, "num_hidden_layers", 10**12, id="llama's layers"),
        pytest.param(GEMMA2, "num_hidden_layers", 10**12, id="gemma's layers"),
        pytest.param(NEO, "num_layers", 10**12, id="neo's layers"),
        pytest.param(LLAMA, "num_hidden_layers", -1, id="layers below 0"),
        pytest.param(LLAMA, "rms_norm_eps", 10**400, id="no float"),
        pytest.param(GEMMA2, "hidden_size", 10**400, id="no root"),
        pytest.param(NEOX, "hidden_size", 10**400, id="no share"),
        pytest.param(GEMMA2, "head_dim", 10**400, id="no quotient"),
        pytest.param(GEMMA2, "head_dim", -5, id="a head below 0"),
        pytest.param(GEMMA2, "query_pre_attn_scalar", 1e-320, id="divided by nothing"),
        pytest.param(NEOX, "rotary_pct", math.nan, id="a share of nan"),
        pytest.param(NEOX, "rotary_pct", math.inf, id="a share without end"),
        pytest.param(LLAMA, "rope_scaling", YARN | ZERO, id="yarn, by 0"),
        pytest.param(
            LLAMA,
            "rope_scaling",
            YARN | {"factor": 2, "attention_factor": 1e200},
            id="yarn, squared",
        ),
    ],
)
def test_a_number_that_no_model_has_is_refused_at_once(tmp_path, fields, name, value):
    text = json.dumps(fields | {name: value})
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    before = time.process_time()
    with pytest.raises(CheckpointError, match=r"config\.json") as error:
        read_model(tmp_path)
    assert "model.safetensors" not in str(error.value)
    assert time.process_time() - before < 2


def test_weights_that_a_factor_makes_infinite_are_refused(saved):
    directory = saved(
        random_llama(transformers.Gemma2Config, num_key_value_heads=1, head_dim=8)
    )
    assert minigpt.from_pretrained(directory)
    set_field(directory, "query_pre_attn_scalar", 1e-100)
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        minigpt.from_pretrained(directory)


def test_a_head_that_is_sparse_is_refused(tmp_path):
    torch.save({"transformer.wte.weight": torch.eye(4).to_sparse()}, tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match=r"type torch\.sparse_coo"):
        minigpt.from_pretrained(tmp_path / "m.pt")


@pytest.mark.parametrize(
    "wrong",
    [{"lora_alpha": 10**400}, {"lora_alpha": math.nan}, {"r": 10**400}],
    ids=["alpha, no float", "alpha, nan", "rank, no float"],
)
def test_an_adapter_by_a_number_that_none_has_is_refused(tmp_path, wrong):
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_rslora": True}
    text = json.dumps(settings | wrong)
    (tmp_path / ADAPTER_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=rf"{next(iter(wrong))} is"):
        Adapter(tmp_path)
