"""Models of `transformers` read here, ours read there: equal logits, equal ids."""

import json
import shutil

import huggingface_hub
import pytest
import torch
import transformers
from pretrained.pretrained_hub import COMMIT, Hub
from safetensors.torch import load_file, save_file

import minigpt
from minigpt.errors import CheckpointError, ConfigError
from minigpt.model import MLPLM, TransformerLM
from minigpt.pretrained.load import read_model
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TEXT = "It was the best of times, it was the worst of times.\n\tDon't stop 1 2 3! " * 20
STRINGS = ["It was", "the  worst\n\n", "naïve 你好 🙂", "Don't", " ", "\r\n\ttimes"]

GPT2_CHANGES = [
    {},
    {"n_inner": 24, "activation_function": "relu", "layer_norm_epsilon": 1e-3},
    {"tie_word_embeddings": False, "activation_function": "relu2", "n_ctx": 48},
    {"activation_function": "gelu_pytorch_tanh", "reorder_and_upcast_attn": True},
    {"activation_function": "gelu"},
]
LLAMA_CHANGES = [
    {},
    {"num_key_value_heads": 2, "tie_word_embeddings": True},
    {"attention_bias": True, "mlp_bias": True, "rms_norm_eps": 1e-3},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
]


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = BPETokenizer(300)
    tokenizer.build_vocab(TEXT)
    return tokenizer


def shaken(model, seed=0):
    """Give every weight a size at which a mistake shows."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def random_gpt2(**changes):
    settings = {"vocab_size": 307, "n_positions": 48, "n_embd": 32, "n_layer": 2}
    config = transformers.GPT2Config(**{**settings, "n_head": 4, **changes})
    return shaken(transformers.GPT2LMHeadModel(config))


def random_llama(kind=transformers.LlamaConfig, **changes):
    settings = {
        "vocab_size": 307,
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 48,
    }
    config = kind(**{**settings, **changes})
    return shaken(transformers.AutoModelForCausalLM.from_config(config))


@pytest.fixture
def saved(tokenizer, tmp_path):
    """Return a function that saves a model of theirs with a tokenizer of ours."""

    def save(model, **settings):
        model.save_pretrained(tmp_path, **settings)
        tokenizer.save_huggingface(tmp_path)
        return tmp_path

    return save


def some_tokens(vocab_size=307, length=40):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, vocab_size, (2, length), generator=generator)


@torch.inference_mode()
def assert_equal_logits(ours, theirs, atol=1e-4):
    tokens = some_tokens()
    torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=atol, rtol=0)


@pytest.mark.parametrize("changes", GPT2_CHANGES)
def test_a_gpt2_of_transformers_gives_its_logits(saved, changes):
    theirs = random_gpt2(**changes)
    model, tokenizer, metadata = minigpt.from_pretrained(saved(theirs))
    assert_equal_logits(model, theirs)
    assert not model.training
    assert tokenizer.vocab_size <= model.config.vocab_size == 307
    assert metadata.model == model.config.to_dict()


@pytest.mark.parametrize("changes", LLAMA_CHANGES)
def test_a_llama_of_transformers_gives_its_logits(saved, changes):
    theirs = random_llama(**changes)
    assert_equal_logits(minigpt.from_pretrained(saved(theirs)).model, theirs)


def test_a_neox_with_the_older_names_of_its_fields_is_read(saved):
    rope = {"rope_theta": 300.0, "partial_rotary_factor": 0.5}
    theirs = random_llama(transformers.GPTNeoXConfig, rope_parameters=rope)
    directory = saved(theirs)
    for name, value in [
        ("rope_parameters", ...),
        ("rotary_emb_base", 300),
        ("rotary_pct", 0.5),
    ]:
        set_field(directory, name, value)
    assert_equal_logits(minigpt.from_pretrained(directory).model, theirs)


def test_a_mistral_without_a_window_is_a_llama(saved):
    theirs = random_llama(
        transformers.MistralConfig, sliding_window=None, num_key_value_heads=2
    )
    assert_equal_logits(minigpt.from_pretrained(saved(theirs)).model, theirs)


@pytest.mark.parametrize("kind", ["GPTNeo", "OPT"])
def test_what_is_read_only_is_written_as_a_gpt2(kind, saved, tokenizer, tmp_path):
    sizes = {"vocab_size": 307, "hidden_size": 32, "max_position_embeddings": 48}
    sizes |= {
        "GPTNeo": {
            "num_layers": 2,
            "num_heads": 4,
            "window_size": 48,
            "attention_types": [[["global", "local"], 1]],
        },
        "OPT": {
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_dim": 40,
            "word_embed_proj_dim": 32,
        },
    }[kind]
    config = getattr(transformers, f"{kind}Config")(**sizes)
    theirs = shaken(transformers.AutoModelForCausalLM.from_config(config))
    model, _, metadata = minigpt.from_pretrained(saved(theirs))
    assert_equal_logits(model, theirs)
    assert "notes" not in metadata.provenance
    minigpt.export_pretrained(model, tokenizer, tmp_path / "out")
    again = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "out").eval()
    assert_equal_logits(model, again)


def test_weights_in_several_files_are_put_together(saved):
    theirs = random_gpt2()
    directory = saved(theirs, max_shard_size="40kB")
    assert len(list(directory.glob("model-*.safetensors"))) > 1
    assert_equal_logits(minigpt.from_pretrained(directory).model, theirs)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_weights_of_16_bits_are_read_as_32(saved, kind):
    theirs = random_gpt2().to(kind)
    model = minigpt.from_pretrained(saved(theirs)).model
    assert model.token_embedding.weight.dtype == torch.float32
    assert_equal_logits(model, theirs.float())


def change_weights(directory, change):
    path = directory / "model.safetensors"
    save_file(change(load_file(path)), path, {"format": "pt"})


def test_old_files_without_prefix_and_with_masks_are_read(saved):
    theirs = random_gpt2()
    directory = saved(theirs)

    def as_in_2019(weights):
        old = {name.removeprefix("transformer."): w for name, w in weights.items()}
        return old | {"h.0.attn.bias": torch.ones(1, 1, 48, 48)}

    change_weights(directory, as_in_2019)
    assert_equal_logits(minigpt.from_pretrained(directory).model, theirs)


def test_gpt2s_own_tokenizer_files_will_do(saved, tokenizer):
    directory = saved(random_gpt2())
    fields = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    (directory / "tokenizer.json").unlink()
    vocab = json.dumps(fields["model"]["vocab"])
    (directory / "vocab.json").write_text(vocab, encoding="utf-8")
    lines = [" ".join(pair) for pair in fields["model"]["merges"]]
    (directory / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    loaded = minigpt.from_pretrained(directory).tokenizer
    assert [loaded.encode(s) for s in STRINGS] == [tokenizer.encode(s) for s in STRINGS]


def set_field(directory, name, value):
    path = directory / "config.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields[name] = value
    if value is ...:
        del fields[name]
    path.write_text(json.dumps(fields), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale_attn_by_inverse_layer_idx", True),
        ("scale_attn_weights", False),
        ("scale_attn_weights", 1),
        ("activation_function", "gelu_fast"),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"bits": 4}),
        ("n_embd", "32"),
        ("n_embd", True),
        ("n_embd", ...),
        ("n_layer", 10**9),
        ("n_head", 5),
        ("n_head", 0),
        ("layer_norm_epsilon", -1.0),
        ("model_type", "gptj"),
        ("model_type", ["gpt2"]),
    ],
)
def test_a_gpt2_that_computes_something_else_is_refused_by_field(saved, name, value):
    directory = saved(random_gpt2())
    set_field(directory, name, value)
    ours = {"n_layer": "num_layers", "n_head": "num_heads"}.get(name, name)
    ours = "norm_eps" if name == "layer_norm_epsilon" else ours
    with pytest.raises(CheckpointError, match=rf"config\.json.*{ours}"):
        minigpt.from_pretrained(directory)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rope_scaling", {"rope_type": "yarn", "factor": "2"}),
        ("rope_scaling", {"type": "longrope", "factor": 2.0}),
        ("rope_scaling", {"rope_type": "linear", "factor": "2"}),
        ("rope_parameters", {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0}),
        ("rope_parameters", {"rope_type": "default", "rope_theta": 1e4, "factor": 8.0}),
        ("partial_rotary_factor", 0.5),
        ("sliding_window", 16),
        ("hidden_act", "gelu"),
        ("head_dim", 16.0),
        ("attention_bias", True),
        ("num_key_value_heads", 3),
    ],
)
def test_a_llama_that_computes_something_else_is_refused_by_field(saved, name, value):
    directory = saved(random_llama())
    set_field(directory, name, value)
    words = {
        "rope_parameters": "rope_type|factor",
        "rope_scaling": "rope_type|factor",
        "num_key_value_heads": "num_kv_heads",
    }.get(name, name)
    with pytest.raises(CheckpointError, match=rf"config\.json.*({words})"):
        minigpt.from_pretrained(directory)


C_ATTN = "transformer.h.1.attn.c_attn.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: {n: w[n] for n in w if n != C_ATTN}, f"{C_ATTN}.* is missing"),
        (lambda w: w | {C_ATTN: w[C_ATTN].T.contiguous()}, r"\[96, 32\].*\[32, 96\]"),
        (lambda w: w | {C_ATTN: w[C_ATTN].long()}, "type I64"),
        (lambda w: w | {"transformer.h.2.ln_1.bias": torch.zeros(32)}, "not belong"),
        (lambda w: w | {"h.0.ln_1.bias": torch.zeros(32)}, "twice"),
        (lambda w: w | {"score.weight": torch.zeros(2, 32)}, "not belong"),
        (lambda w: w | {"lm_head.weight": torch.zeros(307, 32)}, "tie_word_embed"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(saved, change, words):
    directory = saved(random_gpt2())
    change_weights(directory, change)
    with pytest.raises(CheckpointError, match=words):
        minigpt.from_pretrained(directory)


def test_a_cut_off_file_is_refused(saved):
    directory = saved(random_gpt2())
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        minigpt.from_pretrained(directory)


@pytest.mark.parametrize(
    "name", ["../x.safetensors", "/x.safetensors", "x.bin", "..", 5]
)
def test_an_index_leads_nowhere_else(saved, name):
    directory = saved(random_gpt2())
    (directory / "model.safetensors").unlink()
    index = json.dumps({"weight_map": {"a": name}})
    (directory / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    with pytest.raises(CheckpointError, match="only safetensors files beside it"):
        minigpt.from_pretrained(directory)


def test_pickles_are_never_read(saved):
    directory = saved(random_gpt2())
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"only pytorch_model\.bin.*convert"):
        minigpt.from_pretrained(directory)


def test_other_directories_are_told_apart(saved, tokenizer, tmp_path):
    model = TransformerLM(vocab_size=307, d_model=8, num_heads=2)
    ours = minigpt.save_checkpoint(tmp_path / "ours", model, tokenizer)
    with pytest.raises(CheckpointError, match=r"minigpt\.load"):
        minigpt.from_pretrained(ours)
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        minigpt.from_pretrained(ours.parent / "..")
    small = random_gpt2(vocab_size=99)
    with pytest.raises(CheckpointError, match=r"knows \d+ tokens.*only 99"):
        minigpt.from_pretrained(saved(small))


def test_a_truncated_tree_of_files_is_one_clear_error(saved, tmp_path):
    directory = saved(random_gpt2())
    for name in ["config.json", "tokenizer.json", "model.safetensors"]:
        copy = tmp_path / f"without-{name}"
        shutil.copytree(
            directory, copy, ignore=shutil.ignore_patterns(name, "without*")
        )
        with pytest.raises(CheckpointError, match=name.partition(".")[0]):
            minigpt.from_pretrained(copy)


OURS = {
    "gpt2": {},
    "gpt2, bare": {"bias": False, "norm_affine": False, "activation": "relu2"},
    "gpt2, free head": {"tie_embeddings": False, "norm_eps": 1e-3, "bias": False},
    "gpt2, waves": {"positional_encoding": "sinusoidal", "activation": "relu"},
    "gpt2, no order": {"positional_encoding": "none"},
    "gpt2, no mlp": {"d_ff": 0},
    "llama": {
        "positional_encoding": "rope",
        "norm": "rmsnorm",
        "activation": "swiglu",
        "bias": False,
    },
}
OURS["llama, shared keys"] = OURS["llama"] | {"num_kv_heads": 2, "rope_base": 777.0}
OURS["llama, biases"] = OURS["llama"] | {"bias": True, "d_ff": 24}
OURS["llama, wide heads"] = OURS["llama"] | {"head_dim": 12, "num_kv_heads": 1}
OURS["llama, linear"] = OURS["llama"] | {"rope_factor": 2.5}
OURS["llama, stretched"] = OURS["llama"] | {
    "rope_factor": 8.0,
    "rope_trained_length": 24,
    "rope_slow_turns": 0.5,
    "rope_fast_turns": 2.0,
}
OURS["llama, yarn"] = OURS["llama, stretched"] | {"rope_ramp": "pairs"}
OURS["mistral"] = OURS["llama"] | {"attention_window": 5}
OURS["qwen2"] = OURS["llama"] | {"qkv_bias": True, "num_kv_heads": 2}
OURS["qwen2, windows"] = OURS["qwen2"] | {"attention_window": (0, 7)}
OURS["qwen3"] = OURS["llama"] | {"qk_norm": True, "head_dim": 12}
OURS["gemma"] = OURS["llama"] | {
    "activation": "geglu",
    "embedding_scale": 32**0.5,
    "num_kv_heads": 2,
}
OURS["gemma2"] = OURS["gemma"] | {
    "post_norms": True,
    "attention_window": [6, 0],
    "attention_softcap": 2.0,
    "logit_softcap": 5.0,
}
OURS["gemma3"] = OURS["gemma2"] | {
    "qk_norm": True,
    "rope_local_base": 50.0,
    "rope_factor": 4.0,
    "attention_softcap": None,
    "logit_softcap": None,
}
OURS["nanochat"] = OURS["llama"] | {
    "norm_affine": False,
    "activation": "relu2",
    "qk_norm": True,
    "embedding_norm": True,
    "logit_softcap": 5.0,
    "tie_embeddings": False,
}
OURS["gptneo, windows"] = {"qkv_bias": False, "attention_window": (6, 0)}
OURS["gptneox"] = {"positional_encoding": "rope", "parallel_mlp": True}
OURS["gptneox, in part"] = OURS["gptneox"] | {
    "rope_dim": 2,
    "rope_factor": 2.0,
    "tie_embeddings": False,
    "activation": "gelu_exact",
}
OURS["gptneox, one after the other"] = {"positional_encoding": "rope", "bias": False}
OURS["gpt2, exact"] = {"activation": "gelu_exact"}
OURS["gpt2, some biases"] = {"qkv_bias": False}
OURS["llama, bare"] = OURS["llama"] | {"norm_affine": False, "tie_embeddings": False}


def our_model(settings):
    sizes = {"vocab_size": 307, "d_model": 32, "num_layers": 2, "max_seq_len": 48}
    return shaken(TransformerLM(**(sizes | settings)))


@pytest.mark.parametrize("name", OURS)
def test_transformers_gives_the_logits_of_what_we_export(name, tokenizer, tmp_path):
    model = our_model(OURS[name])
    minigpt.export_pretrained(model, tokenizer, tmp_path / "out")
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert type(theirs).__name__.lower().startswith(name.partition(",")[0])
    assert not any(report.values()), report
    assert_equal_logits(model, theirs.eval())
    again = minigpt.from_pretrained(tmp_path / "out").model
    tokens = some_tokens()
    torch.testing.assert_close(again(tokens), model(tokens), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [BPETokenizer, CharTokenizer])
def test_transformers_gives_the_ids_of_what_we_export(kind, tmp_path):
    ours = kind()
    ours.build_vocab(TEXT)
    model = our_model({"vocab_size": ours.vocab_size})
    minigpt.export_pretrained(model, ours, tmp_path / "out")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    for text in [*STRINGS, TEXT]:
        ids = ours.encode(text)
        assert theirs(text)["input_ids"] == ids
        assert theirs.decode(ids) == ours.decode(ids, skip_special_tokens=False)
    for role in ("bos", "eos", "pad", "unk"):
        assert getattr(theirs, f"{role}_token_id") == getattr(ours, f"{role}_id")
    again = minigpt.from_pretrained(tmp_path / "out").tokenizer
    assert again.to_dict() == ours.to_dict()


def test_words_are_kept_in_our_own_form(tmp_path):
    ours = WordTokenizer()
    ours.build_vocab(TEXT)
    model = our_model({"vocab_size": ours.vocab_size})
    out = minigpt.export_pretrained(model, ours, tmp_path / "out")
    assert not (out / "tokenizer.json").exists()
    assert minigpt.from_pretrained(out).tokenizer.to_dict() == ours.to_dict()


def test_generation_ends_where_our_text_ends(tokenizer, tmp_path):
    minigpt.export_pretrained(our_model({}), tokenizer, tmp_path / "out")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert theirs.generation_config.eos_token_id == tokenizer.eos_id
    assert theirs.generation_config.pad_token_id == tokenizer.pad_id


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"positional_encoding": "relative"}, "relative.*rope"),
        ({"norm": "rmsnorm"}, "norm is 'rmsnorm'.*positional_encoding is 'learned'"),
        ({"qk_norm": True}, "qk_norm is True"),
        ({"token_shift": True}, "token_shift is True"),
        ({"embedding_norm": True}, "embedding_norm is True"),
        (OURS["llama"] | {"embedding_norm": True}, "embedding_norm is True"),
        ({"value_embeddings": True}, "value_embeddings is True"),
        ({"num_kv_heads": 2}, "num_kv_heads is 2"),
        (OURS["llama"] | {"activation": "relu2"}, "activation is 'relu2'"),
    ],
)
def test_what_fits_no_shape_is_refused_by_setting(settings, words, tokenizer, tmp_path):
    with pytest.raises(ConfigError, match=words):
        minigpt.export_pretrained(our_model(settings), tokenizer, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="MLPLM"):
        minigpt.export_pretrained(MLPLM(vocab_size=300), tokenizer, tmp_path / "out")


def test_nothing_is_overwritten(tokenizer, tmp_path):
    (tmp_path / "dear.txt").write_text("dear", encoding="utf-8")
    for place in (tmp_path, tmp_path / "dear.txt"):
        with pytest.raises(CheckpointError, match="choose a new place"):
            minigpt.export_pretrained(our_model({}), tokenizer, place)
    assert [path.name for path in tmp_path.iterdir()] == ["dear.txt"]


def test_reading_leaves_the_generator_alone(saved):
    directory = saved(random_gpt2())
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    read_model(directory)
    assert torch.equal(torch.rand(1), expected)


@pytest.fixture
def hub(saved, tmp_path, monkeypatch):
    """A hub with `someone/small`, which has pickles and code too; an empty cache."""
    directory = saved(random_gpt2())
    (directory / "pytorch_model.bin").write_bytes(b"pickled")
    (directory / "modeling.py").write_bytes(b"raise SystemExit")
    hub = Hub("someone/small", directory)
    constants = huggingface_hub.constants
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(
        constants.ENDPOINT, hub.url
    )
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", tmp_path / "cache")
    yield hub
    hub.close()


def test_a_model_is_fetched_once_and_then_found_without_a_network(hub, tmp_path):
    model, tokenizer, metadata = minigpt.from_pretrained("someone/small")
    assert metadata.provenance == {"pretrained": "someone/small", "commit": COMMIT}
    fetched = {file.name for file in (tmp_path / "cache").rglob("snapshots/*/*")}
    assert fetched == {"config.json", "model.safetensors", "tokenizer.json"}
    asked = len(hub.asked)
    assert asked
    minigpt.from_pretrained("someone/small")
    hub.close()
    for offline in (False, True):
        again = minigpt.from_pretrained("someone/small", offline=offline)
        assert torch.equal(again.model(some_tokens()), model(some_tokens()))
        assert again.tokenizer.to_dict() == tokenizer.to_dict()
    assert len(hub.asked) == asked


def test_a_name_that_the_hub_lacks_is_said(hub):
    with pytest.raises(CheckpointError, match="no model someone/smal that is public"):
        minigpt.from_pretrained("someone/smal")
    with pytest.raises(CheckpointError, match="no revision 'old'"):
        minigpt.from_pretrained("someone/small", revision="old")


@pytest.mark.parametrize("offline", [False, True])
def test_without_a_network_the_remedy_is_named(hub, offline, tmp_path):
    hub.close()
    with pytest.raises(CheckpointError) as error:
        minigpt.from_pretrained("gpt2", offline=offline)
    message = str(error.value)
    for words in (
        "openai-community/gpt2",
        str(tmp_path / "cache"),
        "model.safetensors",
    ):
        assert words in message
    assert ("offline was asked for" in message) == offline
    assert "\n" not in message


@pytest.mark.parametrize(
    "name", ["no/such/directory", "../gpt2", "", "a b", "~nobody/x"]
)
def test_what_is_neither_a_directory_nor_a_name_is_said(name):
    with pytest.raises(CheckpointError, match="no directory"):
        minigpt.from_pretrained(name)


@pytest.mark.parametrize("name", ["out/ckpt.pt", "~nobody/x.bin", "a\0.pt"])
def test_a_checkpoint_of_others_that_is_not_there_is_no_name_of_a_repository(name):
    with pytest.raises(CheckpointError, match="There is no file"):
        minigpt.from_pretrained(name)
