"""Our ids are those of `tokenizers`, `transformers` and `tiktoken`, both ways."""

import copy
import json

import pytest
import tiktoken
import transformers
from fuzzed_strings import fuzzed_strings

from minigpt.errors import CheckpointError, DataError
from minigpt.tokenizers import SPECIAL_TOKENS, BPETokenizer, load_tokenizer
from minigpt.tokenizers.byte_pair.pretokens import PATTERN

TEXT = (
    "".join(fuzzed_strings(1500, seed=11))
    + (
        "It was the best of times, it was the worst of times, it was the age of "
        "wisdom. "
        "def main():\n    return {'key': [1, 22, 333]}\n\n"
        "你好，世界！ 🙂🙂🚀 don't we'll\n"
    )
    * 40
)
# GPT-2's own pattern as tiktoken publishes it, to hold against ours.
GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
)


@pytest.fixture(scope="module")
def rust():
    return pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def theirs(rust):
    theirs = rust.Tokenizer(rust.models.BPE())
    theirs.pre_tokenizer = rust.pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = rust.decoders.ByteLevel()
    trainer = rust.trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=rust.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator([TEXT.replace("<eos>", "")], trainer)
    return theirs


@pytest.fixture(scope="module")
def ours():
    ours = BPETokenizer(700)
    ours.build_vocab(TEXT.replace("<eos>", ""))
    return ours


@pytest.fixture(scope="module")
def strings():
    # `tokenizers` reads the names of special tokens in a text as these tokens.
    return [text.replace("<eos>", "<e o s>") for text in fuzzed_strings(10_000)]


def test_training_makes_the_merges_of_tokenizers(ours, theirs, strings):
    assert json.loads(theirs.to_str())["model"]["merges"] == [
        list(pair) for pair in ours._vocabulary.printable_merges()
    ]
    assert theirs.get_vocab() == ours._vocabulary.printable_vocabulary()


def test_a_file_of_tokenizers_gives_its_ids(theirs, strings, tmp_path):
    theirs.save(str(tmp_path / "tokenizer.json"))
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        loaded = BPETokenizer.from_pretrained(path)
    expected = [encoding.ids for encoding in theirs.encode_batch(strings)]
    assert [loaded.encode(text) for text in strings] == expected
    assert [loaded.decode(ids) for ids in expected] == strings


def test_tokenizers_reads_our_file_and_gives_our_ids(rust, ours, strings, tmp_path):
    ours.save_huggingface(tmp_path)
    loaded = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    expected = [ours.encode(text) for text in strings]
    assert [encoding.ids for encoding in loaded.encode_batch(strings)] == expected
    assert loaded.decode_batch(expected) == strings
    again = BPETokenizer.from_pretrained(tmp_path)
    assert again.to_dict() == ours.to_dict()


def test_transformers_reads_our_file_and_gives_our_ids(ours, strings, tmp_path):
    ours.save_huggingface(tmp_path / "tokenizer.json")
    loaded = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "tokenizer.json"), eos_token="<eos>"
    )
    some = [text for text in strings[:300] if text]
    assert loaded(some)["input_ids"] == [ours.encode(text) for text in some]
    assert loaded.eos_token_id == ours.eos_id


@pytest.mark.parametrize("pattern", [PATTERN.pattern, GPT2_PATTERN])
def test_tiktoken_gives_our_ids(ours, strings, pattern):
    encoding = tiktoken.Encoding(
        "ours",
        pat_str=pattern,
        mergeable_ranks={ours.token_bytes(n): n for n in range(4, ours.vocab_size)},
        special_tokens={"<eos>": 3},
    )
    for text in strings:
        assert ours.encode(text) == encoding.encode_ordinary(text), text
    assert ours.encode("<eos>") == encoding.encode_ordinary("<eos>")


@pytest.fixture
def gpt2_directory(tmp_path, ours):
    """Write our merges as GPT-2's files: bytes first, then merges, special last."""
    letters = [
        letter
        for letter in ours._vocabulary.printable_vocabulary()
        if letter not in SPECIAL_TOKENS
    ]
    vocab = {letter: token for token, letter in enumerate(letters)}
    vocab["<|endoftext|>"] = len(vocab)
    lines = [" ".join(pair) for pair in ours._vocabulary.printable_merges()]
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (tmp_path / "merges.txt").write_text(
        "\n".join(["#version: 0.2", *lines, ""]), encoding="utf-8"
    )
    return tmp_path


def test_gpt2_files_give_the_ids_of_transformers(gpt2_directory, strings):
    loaded = BPETokenizer.from_pretrained(gpt2_directory)
    theirs = transformers.GPT2Tokenizer(
        str(gpt2_directory / "vocab.json"), str(gpt2_directory / "merges.txt")
    )
    for text in strings[:1000]:
        assert loaded.encode(text) == theirs(text)["input_ids"], text
    assert loaded.eos_id == loaded.bos_id == theirs.eos_token_id == 696
    assert loaded.special_tokens == {696: "<|endoftext|>"}


def test_gpt2_has_no_pad_and_no_unknown(gpt2_directory, tmp_path):
    loaded = BPETokenizer.from_pretrained(gpt2_directory / "vocab.json")
    assert loaded.pad_id is loaded.unk_id is None
    assert loaded.decode([0, loaded.eos_id, 1]) == '!"'
    assert loaded.decode([0, 696], skip_special_tokens=False) == "!<|endoftext|>"
    loaded.save(tmp_path / "saved.json")
    again = load_tokenizer(tmp_path / "saved.json")
    assert again.to_dict() == loaded.to_dict()
    assert again.eos_id == 696
    assert again.encode("It was <|endoftext|>") == loaded.encode("It was <|endoftext|>")
    bare = BPETokenizer.from_pretrained(gpt2_directory)
    bare.bos_id = None
    with pytest.raises(DataError, match="no token for the beginning"):
        bare.encode("a", add_bos=True)


def change(path, value):
    """Return a change of one place in a parsed tokenizer.json."""

    def apply(fields):
        *parents, last = path
        for parent in parents:
            fields = fields[parent]
        fields[last] = value

    return apply


REFUSED = {
    "model.type": change(["model", "type"], "WordPiece"),
    "model.dropout": change(["model", "dropout"], 0.1),
    "model.end_of_word_suffix": change(["model", "end_of_word_suffix"], "</w>"),
    "normalizer": change(["normalizer"], {"type": "Lowercase"}),
    "pre_tokenizer is": change(["pre_tokenizer"], {"type": "Whitespace"}),
    "pre_tokenizer is None": change(["pre_tokenizer"], None),
    "post_processor": change(["post_processor"], {"type": "TemplateProcessing"}),
    "decoder": change(["decoder"], {"type": "WordPiece"}),
    "added_tokens is": change(["added_tokens", 0, "content"], "<bos>"),
    "no content": change(["added_tokens", 0], "<pad>"),
    "two ids": change(["added_tokens", 0, "id"], 5),
    "not a whole number": change(["model", "vocab", "a"], "5"),
    "True, not a whole": change(["model", "vocab", "a"], True),
    "'added_tokens' must": change(["added_tokens"], 5),
    "Two tokens have": change(["model", "vocab", "a"], 5),
    "none has 69": change(["model", "vocab", "a"], 10**12),
    "none has": change(["model", "vocab", "a"], -1),
    "256 letters": change(["model", "vocab", "你"], 700),
    "256 letters of": change(["model", "vocab", ""], 700),
    "'vocab' must": change(["model", "vocab"], [1, 2]),
    "'merges' must": change(["model", "merges"], None),
    "not two tokens": change(["model", "merges", 3], "a b c"),
    "merge 3 is": change(["model", "merges", 3], ["a", 1]),
    "Merge 3 joins": change(["model", "merges", 3], ["zq", "x"]),
    "second time": change(["model", "merges", 3], ["Ġ", "Ġ"]),
    "'model' must": change(["model"], "BPE"),
}


@pytest.mark.parametrize("complaint", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name(complaint, ours, tmp_path):
    ours.save_huggingface(tmp_path)
    file = tmp_path / "tokenizer.json"
    fields = json.loads(file.read_text(encoding="utf-8"))
    if complaint == "second time":
        fields["model"]["merges"][0] = ["Ġ", "Ġ"]
    REFUSED[complaint](fields)
    file.write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(CheckpointError) as error:
        BPETokenizer.from_pretrained(file)
    message = str(error.value)
    assert "tokenizer.json: " in message
    assert complaint.partition(" ")[0].lower() in message.lower()
    assert "\n" not in message
    assert len(message) < 400


def test_a_byte_without_a_token_is_refused(ours, tmp_path):
    fields = copy.deepcopy(ours.to_dict())
    vocab = fields["vocab"]
    del vocab["Ċ"]
    vocab["zzz"] = ours.encode("\n")[0]
    fields["merges"] = []
    (tmp_path / "tokenizer.json").write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(CheckpointError, match="0x0a"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("line", ["a b c", "a", "a  b", "Ġ \t"])
def test_a_wrong_line_of_merges_is_named(gpt2_directory, line):
    file = gpt2_directory / "merges.txt"
    file.write_text(f"#version: 0.2\n{line}\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"line 2|Merge 0"):
        BPETokenizer.from_pretrained(gpt2_directory)


def test_missing_files_are_named(gpt2_directory, tmp_path):
    (gpt2_directory / "merges.txt").unlink()
    with pytest.raises(CheckpointError, match=r"no file .*merges\.txt"):
        BPETokenizer.from_pretrained(gpt2_directory)
    (gpt2_directory / "vocab.json").unlink()
    with pytest.raises(CheckpointError, match=r"neither tokenizer\.json nor vocab"):
        BPETokenizer.from_pretrained(gpt2_directory)
    (gpt2_directory / "tokenizer.model").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"has tokenizer\.model: let"):
        BPETokenizer.from_pretrained(gpt2_directory)
