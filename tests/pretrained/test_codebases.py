"""Checkpoints of nanoGPT and llama2.c, written as they write them, open and agree."""

import json
import os
import pickle
import struct

import pytest
import torch
import transformers

import minigpt
from minigpt.errors import CheckpointError
from minigpt.library.incoming import bring
from minigpt.tokenizers import BPETokenizer

VOCAB = 300
TOKENS = torch.randint(0, VOCAB, (2, 30), generator=torch.Generator().manual_seed(3))


def shaken(model, seed=0):
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture
def with_tokens(tmp_path):
    """Return a directory with a tokenizer, as asked of such a checkpoint."""
    tokenizer = BPETokenizer(280)
    tokenizer.build_vocab("the cat sat on the mat " * 20)
    tokenizer.save_huggingface(tmp_path)
    return tmp_path


@torch.inference_mode()
def assert_equal_logits(found, theirs, tokens=TOKENS):
    logits, wanted = found(tokens), theirs(tokens).logits
    torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=0)
    assert torch.equal(logits.argmax(-1), wanted.argmax(-1))


def gpt2(vocab=VOCAB):
    """A GPT-2 with exact GELU, which is what nanoGPT computes."""
    sizes = {"vocab_size": vocab, "n_embd": 24, "n_layer": 2, "n_head": 3}
    config = transformers.GPT2Config(
        **sizes, n_positions=40, activation_function="gelu"
    )
    return shaken(transformers.GPT2LMHeadModel(config))


def as_nanogpt(theirs, prefix="", bias=True):
    """What nanoGPT's `train.py` saves: its Linear layers store [out, in]."""
    turned = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    state = {
        prefix + name: weight.T.contiguous() if name.endswith(turned) else weight
        for name, weight in theirs.state_dict().items()
        if bias or not name.endswith("bias")
    }
    config = theirs.config
    args = {"n_layer": 2, "n_head": 3, "n_embd": 24, "block_size": 40, "bias": bias}
    return {
        "model": state,
        "optimizer": {"state": {0: {"step": torch.tensor(5.0)}}, "param_groups": []},
        "model_args": args | {"vocab_size": config.vocab_size, "dropout": 0.1},
        "iter_num": 5,
        "best_val_loss": torch.tensor(1.5),
        "config": {"out_dir": "out", "dataset": "shakespeare_char", "compile": True},
    }


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module."])
@pytest.mark.parametrize("bias", [True, False])
def test_a_checkpoint_of_nanogpt_opens(prefix, bias, with_tokens):
    theirs = gpt2()
    if not bias:
        for name, weight in theirs.named_parameters():
            if name.endswith("bias"):
                weight.data.zero_()
    torch.save(as_nanogpt(theirs, prefix, bias), with_tokens / "ckpt.pt")
    opened = minigpt.from_pretrained(with_tokens / "ckpt.pt")
    assert_equal_logits(opened.model, theirs)
    assert opened.model.config.bias is bias
    assert "assumed is the exact one" in opened.metadata.provenance["notes"]
    again = minigpt.from_pretrained(with_tokens)  # the directory will do
    assert again.metadata.model == opened.metadata.model


def test_nanogpts_characters_keep_their_numbers(tmp_path):
    characters = sorted(set("\n Hello, wörld!"))
    meta = {
        "vocab_size": len(characters),
        "itos": dict(enumerate(characters)),
        "stoi": {char: number for number, char in enumerate(characters)},
    }
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps(meta))
    theirs = gpt2(len(characters))
    torch.save(as_nanogpt(theirs), tmp_path / "ckpt.pt")
    model, tokenizer, _ = minigpt.from_pretrained(tmp_path / "ckpt.pt")
    text = "Hello\n wörld"
    ids = [meta["stoi"][char] for char in text]
    assert tokenizer.encode(text) == ids
    assert tokenizer.decode(ids) == text
    assert tokenizer.pieces(ids) == list(text)
    assert_equal_logits(model, theirs, torch.tensor([ids]))
    minigpt.save_checkpoint(tmp_path / "kept", model, tokenizer)
    assert minigpt.load(tmp_path / "kept").tokenizer.encode(text) == ids


def llama(heads=4, kv_heads=2, tied=True):
    config = transformers.LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=44,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=40,
        rms_norm_eps=1e-5,
        tie_word_embeddings=tied,
    )
    return shaken(transformers.LlamaForCausalLM(config))


def metas(theirs):
    """Give Meta's names, and pairs of neighbours, as llama2.c's `export.py` does."""
    config, weights = theirs.config, theirs.state_dict()

    def neighbours(weight, heads):
        halves = weight.view(heads, 2, -1, weight.shape[1])
        return halves.transpose(1, 2).reshape(weight.shape)

    found = {
        "tok_embeddings.weight": weights["model.embed_tokens.weight"],
        "norm.weight": weights["model.norm.weight"],
        "output.weight": weights["lm_head.weight"],
    }
    for layer in range(config.num_hidden_layers):
        at, to = f"model.layers.{layer}.", f"layers.{layer}."
        for theirs_, name in {
            "self_attn.v_proj": "attention.wv",
            "self_attn.o_proj": "attention.wo",
            "mlp.gate_proj": "feed_forward.w1",
            "mlp.down_proj": "feed_forward.w2",
            "mlp.up_proj": "feed_forward.w3",
            "input_layernorm": "attention_norm",
            "post_attention_layernorm": "ffn_norm",
        }.items():
            found[f"{to}{name}.weight"] = weights[f"{at}{theirs_}.weight"]
        for part, heads in [
            ("q", config.num_attention_heads),
            ("k", config.num_key_value_heads),
        ]:
            weight = weights[f"{at}self_attn.{part}_proj.weight"]
            found[f"{to}attention.w{part}.weight"] = neighbours(weight, heads)
    return found


PARTS = ["attention.wq", "attention.wk", "attention.wv", "attention.wo"]
MLP = ["feed_forward.w1", "feed_forward.w2", "feed_forward.w3"]


def write_bin(path, theirs, version):
    """What `export.py` of llama2.c writes: `legacy_export` and `version1_export`."""
    config, weights = theirs.config, metas(theirs)
    tied = config.tie_word_embeddings
    shape = [32, 44, 2, config.num_attention_heads, config.num_key_value_heads]
    size = VOCAB if tied or version else -VOCAB
    header = struct.pack("<7i", *shape, size, 40)

    def stacked(*names):
        return [
            weights[f"layers.{layer}.{name}.weight"]
            for name in names
            for layer in (0, 1)
        ]

    ends = [weights["norm.weight"]]
    embedding = [weights["tok_embeddings.weight"]]
    output = [] if tied else [weights["output.weight"]]
    if version:
        header = struct.pack("<Ii", 0x616B3432, 1) + header + bytes([tied])
        header = header.ljust(256, b"\0")
        norms = stacked("attention_norm", "ffn_norm")
        parts = [*norms, *ends, *embedding, *stacked(*PARTS, *MLP), *output]
    else:
        angles = torch.zeros(2, 40, 32 // config.num_attention_heads // 2)
        parts = [*embedding, *stacked("attention_norm", *PARTS)]
        parts += [*stacked("ffn_norm", *MLP), *ends, angles, *output]
    numbers = torch.cat([part.flatten() for part in parts]).numpy().astype("<f4")
    path.write_bytes(header + numbers.tobytes())


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("shape", [{}, {"kv_heads": 4, "tied": False}], ids=str)
def test_a_bin_of_llama2c_opens(version, shape, with_tokens):
    theirs = llama(**shape)
    write_bin(with_tokens / "model.bin", theirs, version)
    opened = minigpt.from_pretrained(with_tokens / "model.bin")
    assert_equal_logits(opened.model, theirs)
    assert "base 10000" in opened.metadata.provenance["notes"]


@pytest.mark.parametrize("shape", [{}, {"kv_heads": 1, "tied": False}], ids=str)
def test_a_pt_of_llama2c_opens(shape, with_tokens):
    theirs = llama(**shape)
    config = theirs.config
    args = {"dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": VOCAB}
    args |= {"n_kv_heads": config.num_key_value_heads, "multiple_of": 4}
    args |= {"max_seq_len": 40, "dropout": 0.0}
    state = {f"_orig_mod.{name}": weight for name, weight in metas(theirs).items()}
    torch.save({"model": state, "model_args": args}, with_tokens / "ckpt.pt")
    assert_equal_logits(minigpt.from_pretrained(with_tokens / "ckpt.pt").model, theirs)


def test_the_library_takes_such_a_file_and_keeps_the_note(with_tokens, tmp_path):
    file = with_tokens / "ckpt.pt"
    torch.save(as_nanogpt(gpt2()), file)
    data, said = tmp_path / "data", []
    place = bring(data, "mine", str(file), said.append)
    assert said == ["Reading ckpt.pt", "Saving it"]
    about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    assert "which GELU" in about["description"]
    assert minigpt.load(place).model.config.activation == "gelu_exact"
    with pytest.raises(CheckpointError, match="is not the name of a model"):
        bring(data, "other", "ckpt.pt", said.append, directories=False)


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def damaged(directory, how):
    """Write a checkpoint that must not open."""
    content = as_nanogpt(gpt2())
    if how == "runs code":
        content["config"] = Evil(directory / "ran")
    if how == "no settings":
        del content["model_args"]
    if how == "a setting less":
        del content["model_args"]["n_head"]
    if how == "a weight less":
        del content["model"]["transformer.wpe.weight"]
    if how == "another shape":
        content["model_args"]["n_embd"] = 48
    if how == "a text for a number":
        content["model_args"] |= {"n_layer": "2", 3: 4}
    weights = content["model"]
    if how == "sparse":
        weights["transformer.wte.weight"] = weights[
            "transformer.wte.weight"
        ].to_sparse()
    if how == "no numbers":
        weights["transformer.wte.weight"] = torch.empty(VOCAB, 24, device="meta")
    if how.startswith("heads"):
        shape = {"dim": 32, "n_layers": 2, "vocab_size": VOCAB, "max_seq_len": 40}
        heads = {"heads 0": 0, "heads 3": 3, "heads '4'": "4"}[how]
        content = {"model": metas(llama()), "model_args": shape | {"n_heads": heads}}
    file = directory / "ckpt.pt"
    torch.save(content, file)
    if how == "cut off":
        file.write_bytes(file.read_bytes()[:-500])
    if how == "empty":
        file.write_bytes(b"")
    if how == "a byte is wrong":  # of the pickle: it recalls what was never noted
        numbers = file.read_bytes()
        assert b"h\x04(" in numbers
        file.write_bytes(numbers.replace(b"h\x04(", b"h\xe0(", 1))
    if how == "a pipe":
        file.unlink()
        os.mkfifo(file)
    if how.startswith("bin"):
        file = directory / "model.bin"
        write_bin(file, llama(), 0)
        numbers = file.read_bytes()
        file.write_bytes(
            {
                "bin, cut off": numbers[:-4],
                "bin, quantized": struct.pack("<Ii", 0x616B3432, 2) + numbers,
                "bin, a pickle": b"PK\3\4" * 100,
                "bin, another's": bytes(400),
                "bin, of version 7": struct.pack("<Ii", 0x616B3432, 7) + numbers,
                "bin, empty": b"",
            }[how]
        )
    return file


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("runs code", "could run any code"),
        ("no settings", "does not say how many heads"),
        ("a setting less", "'n_head' is missing"),
        ("a weight less", r"wpe\.weight' is missing"),
        ("another shape", "has shape"),
        ("a text for a number", "n_layer is '2', not an int"),
        ("sparse", "type torch.sparse_coo"),
        ("no numbers", "type meta"),
        ("heads 0", "settings describe 0 heads"),
        ("heads 3", "settings describe 3 heads"),
        ("heads '4'", "settings describe '4' heads"),
        ("cut off", "and this is none, or a part of one"),
        ("empty", "and this is none, or a part of one"),
        ("a byte is wrong", "could not be read"),
        ("a pipe", "There is no file"),
        ("bin, cut off", "describe a model of"),
        ("bin, quantized", "version 2, which is quantized"),
        ("bin, of version 7", "version 7: export"),
        ("bin, another's", "is no .bin of llama2.c"),
        ("bin, a pickle", "is a pickle.*let transformers convert"),
        ("bin, empty", "too short"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_one_line(how, words, with_tokens):
    file = damaged(with_tokens, how)
    with pytest.raises(CheckpointError, match=words) as error:
        minigpt.from_pretrained(file)
    assert "\n" not in str(error.value)
    assert not (with_tokens / "ran").exists()


def test_a_tokenizer_is_asked_for_and_a_table_never_runs(tmp_path):
    torch.save(as_nanogpt(gpt2()), tmp_path / "ckpt.pt")
    with pytest.raises(CheckpointError, match="holds no tokenizer: put"):
        minigpt.from_pretrained(tmp_path / "ckpt.pt")
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps({"stoi": Evil(tmp_path / "ran")}))
    with pytest.raises(CheckpointError, match="could run any code"):
        minigpt.from_pretrained(tmp_path / "ckpt.pt")
    no_tables = [{"a": 0, "b": 7}, {}, {"a": 0.0}, {"a": []}, {"\ud800": 0}]
    for table in no_tables:
        (tmp_path / "meta.pkl").write_bytes(pickle.dumps({"stoi": table}))
        with pytest.raises(CheckpointError, match=r"meta\.pkl has no 'stoi'"):
            minigpt.from_pretrained(tmp_path / "ckpt.pt")
    (tmp_path / "meta.pkl").write_bytes(b"\x80\x05\x95" + b"\xff" * 8)
    with pytest.raises(CheckpointError, match=r"meta\.pkl could not be read"):
        minigpt.from_pretrained(tmp_path / "ckpt.pt")
    assert not (tmp_path / "ran").exists()
