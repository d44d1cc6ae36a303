import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import LoraConfig, QuantizationConfig, standard_quantization
from minigpt.errors import CheckpointError, ConfigError, DataError
from minigpt.generation.fast_decoding import Decoder
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.weights.rounding_cost import (
    loss_with,
    matrix_names,
    rise_of_each,
    rounded_weights,
)
from minigpt.model import MLPLM, TransformerLM
from minigpt.model.lora import add_lora
from minigpt.quantization import (
    QuantizedLinear,
    QuantizedMatrix,
    dequantize,
    quantize,
    stored_bytes,
)
from minigpt.quantization.fast_products import (
    ENGINE,
    ENGINES,
    LARGEST,
    fast_product,
    in_halves,
)
from minigpt.tokenizers import CharTokenizer

TALES = Path(__file__).parents[2] / "data" / "models" / "tales"
GRIDS = [standard_quantization(8), standard_quantization(4)]
SMALL = {"vocab_size": 12, "d_model": 32, "num_layers": 2, "num_heads": 2}
KINDS = [
    TransformerLM(**SMALL, max_seq_len=16, positional_encoding="learned"),
    TransformerLM(
        **SMALL,
        max_seq_len=16,
        positional_encoding="rope",
        tie_embeddings=False,
        activation="swiglu",
        norm="rmsnorm",
        norm_affine=False,
        value_embeddings=True,
        bias=False,
    ),
    MLPLM(vocab_size=12, d_model=8, d_ff=24, num_layers=2, context_size=4),
]
TEXT = torch.tensor([[1, 5, 2, 11, 0, 7], [3, 3, 9, 1, 4, 6]])


def letters():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcdefgh")
    assert tokenizer.vocab_size == 12
    return tokenizer


@pytest.fixture(params=KINDS, ids=["learned", "rope", "mlp"])
def model(request):
    return request.param.eval().requires_grad_(False)


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_it_computes_what_ordinary_layers_with_its_weights_do(model, config):
    small = quantize(model, config)
    plain = dequantize(small)
    assert torch.equal(small(TEXT), plain(TEXT))
    assert plain.quantization is None
    assert set(plain.state_dict()) == set(model.state_dict())
    assert not torch.equal(small(TEXT), model(TEXT))
    torch.testing.assert_close(small(TEXT), model(TEXT), rtol=0, atol=1.5)


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_hooks_see_and_change_the_values_of_a_quantized_model(model, config):
    small = quantize(model, config)
    plain = dequantize(small)
    _, own = small.run_with_cache(TEXT, "*")
    _, expected = plain.run_with_cache(TEXT, "*")
    assert list(own) == list(expected)
    for name, value in own.items():
        assert value.is_floating_point()
        assert torch.equal(value, expected[name]), name

    def zero(value, hook):
        return torch.zeros_like(value)

    name = "blocks.0.hook_post" if isinstance(model, MLPLM) else "blocks.0.hook_mlp_out"
    changed = [each.run_with_hooks(TEXT, [(name, zero)]) for each in (small, plain)]
    assert torch.equal(*changed)
    assert not torch.equal(changed[0], small(TEXT))


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_a_saved_one_comes_back_with_every_integer(model, config, tmp_path):
    small = quantize(model, config)
    save_checkpoint(tmp_path / "q", small, letters())
    kept = load_checkpoint(tmp_path / "q", keep_integers=True)
    assert kept.metadata.quantization == config
    for name, value in small.state_dict().items():
        found = kept.model.state_dict()[name]
        assert found.dtype == value.dtype
        assert torch.equal(found, value), name
    opened = load_checkpoint(tmp_path / "q").model
    assert opened.quantization is None
    assert torch.equal(opened(TEXT), small(TEXT))
    assert set(opened.state_dict()) == set(model.state_dict())


def test_a_checkpoint_without_quantization_does_not_speak_of_it(tmp_path):
    save_checkpoint(tmp_path / "m", KINDS[0], letters())
    assert "quantization" not in json.loads((tmp_path / "m/config.json").read_text())


def test_what_is_no_quantized_checkpoint_is_refused_in_a_sentence(tmp_path):
    small = quantize(KINDS[0].eval(), standard_quantization(8))
    good = save_checkpoint(tmp_path / "q", small, letters())
    name = "blocks.0.attn.qkv.matrix"

    def damaged(config=None, **tensors):
        bad = tmp_path / "bad"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        if config is not None:
            fields = json.loads((bad / "config.json").read_text())
            (bad / "config.json").write_text(json.dumps({**fields, **config}))
        weights = load_file(bad / "model.safetensors")
        for part, value in tensors.items():
            weights[f"{name}.{part}"] = value
        save_file(weights, bad / "model.safetensors")
        with pytest.raises(CheckpointError) as refused:
            load_checkpoint(bad)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    old = load_file(good / "model.safetensors")
    assert "bits is 3" in damaged({"quantization": {"bits": 3}})
    assert "unknown setting 'sparse'" in damaged({"quantization": {"sparse": True}})
    assert "does not belong to this model" in damaged({"quantization": None})
    assert "integers' has shape" in damaged({"quantization": {"bits": 4}})
    integers = old[f"{name}.integers"]
    assert "must be I8" in damaged(integers=integers.float())
    assert "must be I8" in damaged(integers=integers.to(torch.uint8))
    assert "has type I8; weights are" in damaged(scales=integers[:, :1].contiguous())
    scales = old[f"{name}.scales"]
    assert "NaN or infinite" in damaged(scales=scales * float("nan"))
    assert "has shape" in damaged(scales=scales[:-1])


def test_what_cannot_be_quantized_is_refused():
    small = quantize(KINDS[0], standard_quantization(8))
    with pytest.raises(ConfigError, match="quantized already"):
        quantize(small, standard_quantization(4))
    adapted = add_lora(TransformerLM(**SMALL), LoraConfig(rank=2))
    with pytest.raises(ConfigError, match="merge it"):
        quantize(adapted, standard_quantization(8))
    for unknown in (12, -1):
        with pytest.raises(DataError, match="ids 0 to 11"):
            small(torch.tensor([[unknown]]))


def test_sizes_are_a_quarter_and_a_seventh_of_32_bits():
    model = load_checkpoint(TALES).model
    whole = stored_bytes(model)
    eight, four = (stored_bytes(quantize(model, config)) for config in GRIDS)
    assert eight / whole <= 0.27
    assert four / whole <= 0.16


def test_tales_keeps_its_loss_on_stories_it_did_not_learn_from():
    model, tokenizer, metadata = load_checkpoint(TALES)
    windows = held_out_windows(metadata, tokenizer, 128, 32)
    before = loss_with(model, windows, {})
    eight, four, coarse = (
        loss_with(model, windows, rounded_weights(model, matrix_names(model), config))
        for config in (*GRIDS, QuantizationConfig(bits=4))
    )
    assert abs(eight - before) <= 0.01
    assert abs(four - before) <= 0.05
    assert four < coarse
    assert before == loss_with(model, windows, {})  # it was left as it was


def test_a_matrix_rounded_alone_costs_what_a_model_with_that_matrix_loses():
    model = KINDS[0].eval()
    windows = np.arange(60).reshape(5, 12) % 12
    config = QuantizationConfig(bits=4)
    rises = rise_of_each(model, windows, config)
    assert list(rises) == matrix_names(model)
    plain = dequantize(model)
    plain.blocks[1].mlp.input.weight.data = (
        quantize(model, config).blocks[1].mlp.input.weight
    )
    texts = torch.as_tensor(windows)
    found = [
        torch.nn.functional.cross_entropy(m(texts)[:, :-1].mT, texts[:, 1:]).item()
        for m in (model, plain)
    ]
    expected = pytest.approx(found[1] - found[0], abs=1e-6)
    assert rises["blocks.1.mlp.input"] == expected


@pytest.mark.parametrize("config", GRIDS, ids=str)
@pytest.mark.parametrize(("rows", "columns"), [(17, 128), (96, 64), (1000, 192)])
def test_the_fast_product_is_the_definition_to_eight_significant_bits(
    config, rows, columns
):
    random = torch.Generator().manual_seed(rows)
    weight = torch.randn(rows, columns, generator=random)
    matrix = QuantizedMatrix(rows, columns, config).round_from(weight)
    layer = QuantizedLinear(matrix, None)
    x = torch.randn(3, columns, generator=random)
    product = fast_product(layer, larger_than=0)
    assert product is not None
    found, expected = torch.from_numpy(product(x.numpy())), layer(x).detach()
    terms = x.abs() @ layer.weight.abs().T
    assert ((found - expected).abs() <= terms / 128).all()
    # Not by chance: rounded otherwise, it would be another matrix.
    other = QuantizedLinear(
        QuantizedMatrix(rows, columns, config).round_from(-weight), None
    )
    assert (found - other(x)).abs().max() > 1


def test_numbers_in_halves_are_off_by_at_most_half_a_unit():
    x = np.random.default_rng(0).normal(size=(5, 96)).astype(np.float32)
    x[1], x[2] = 0, np.linspace(-1, 1, 96)  # both ends of the range
    halves, unit = in_halves(x)
    upper, lower = halves[:5].astype(np.float64), halves[5:]
    assert np.abs(upper).max() == LARGEST
    assert lower.min() >= -64
    assert lower.max() <= 63
    assert (np.abs(unit * (128 * upper + lower) - x) <= 0.501 * unit).all()
    assert unit[2] == pytest.approx(1 / (128 * LARGEST))


@pytest.mark.skipif(ENGINE not in ENGINES, reason="torch has no FBGEMM here")
@pytest.mark.parametrize("is_extreme", [False, True])
def test_the_product_of_int8_by_halves_is_the_definition_to_five_digits(is_extreme):
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(3000, 768, generator=random)
    x = torch.randn(3, 768, generator=random)
    if is_extreme:  # every half and every integer at its end: sums of 16 bits are full
        weight, x = weight.sign(), x.sign()
    config = standard_quantization(8)
    layer = QuantizedLinear(QuantizedMatrix(3000, 768, config).round_from(weight), None)
    product = fast_product(layer, larger_than=0)
    found, expected = torch.from_numpy(product(x.numpy())), layer(x).detach()
    atol = 0.0127 / LARGEST * float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("columns", [50, 48, 33])
def test_sizes_that_the_kernels_cannot_read_are_left_to_the_definition(columns):
    for config in GRIDS:
        matrix = QuantizedMatrix(8, columns, config).round_from(torch.ones(8, columns))
        assert fast_product(QuantizedLinear(matrix, None), larger_than=0) is None


@pytest.mark.parametrize("config", GRIDS, ids=str)
def test_it_is_continued_as_its_modules_do(config):
    wide = TransformerLM(
        vocab_size=1100, d_model=256, num_layers=2, num_heads=4, max_seq_len=32
    )
    small = quantize(wide, config)
    tokens = torch.tensor([[5, 900, 17, 3]])
    with torch.inference_mode():
        cache = small.new_cache(1, 8)
        small(tokens[:, :-1], cache)
        decoder = Decoder(small, 1, copies=True)
        assert Decoder.knows(small)
        found = torch.from_numpy(decoder.next_logits(tokens[0, -1:].numpy(), cache))
        expected = small(tokens)[:, -1]
    assert (found - expected).abs().max() <= 0.02 * expected.abs().max()
