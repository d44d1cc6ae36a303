"""Every form of byte-level BPE gives the ids of `tokenizers`, and keeps them."""

import copy
import json

import pytest
import tokenizers
from fuzzed_strings import fuzzed_strings

from minigpt.errors import CheckpointError, DataError
from minigpt.tokenizers import BPETokenizer, load_tokenizer
from minigpt.tokenizers.byte_pair import patterns
from minigpt.tokenizers.inspection.merge_tree import merge_tree, roots

STRINGS = [
    *(
        "I'M 12345",
        "x=y;\n\n  z",
        "naïve’s",
        "\u2028 z",
        "  \n\t a",
        "",
        " ",
        "nai\u0308ve",
    ),
    *(
        "a <tool>b</tool> ",
        "x<tool>y",
        "end <tool>  \n z",
        "wörd<pad>word word",
        "WORD",
    ),
    *(
        "DON'T we'LL I'ſ",
        "x\r\n\r\n\ny",
        "1234567 ½ ²",
        "Ａ①ﬁ",
        "the the\tthe",
        "<pad>",
    ),
    *fuzzed_strings(250, seed=5),
]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
ENDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = ENDS + r"\p{L}+|\p{N}{1,3}" + REST
QWEN = ENDS + r"\p{L}+|\p{N}" + REST
GPT4 = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?"""
)
DEEPSEEK += r"""[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""


def byte_level(**changes):
    usual = {"add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "ByteLevel", **usual, **changes}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    fields = {"pattern": {kind: pattern}, "behavior": behavior, "invert": invert}
    return {"type": "Split", **fields}


def digits(alone):
    return {"type": "Digits", "individual_digits": alone}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def cut_by(*parts):
    return lambda fields: fields.update(pre_tokenizer=sequence(*parts))


def template(*names):
    items = [{"Sequence": {"id": "A", "type_id": 0}}]
    for place, name in enumerate(names):
        where = 0 if place == 0 else len(items)
        items.insert(where, {"SpecialToken": {"id": name, "type_id": 0}})
    ids = {"<bos>": 2, "<eos>": 3}
    known = {n: {"id": n, "ids": [ids[n]], "tokens": [n]} for n in names}
    pair = [*items, {"Sequence": {"id": "B", "type_id": 1}}]
    fields = {"single": items, "pair": pair, "special_tokens": known}
    return {"type": "TemplateProcessing", **fields}


def set_field(name, value):
    return lambda fields: fields.update({name: value})


def set_model(**changes):
    return lambda fields: fields["model"].update(changes)


def add_token(name, **flags):
    usual = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False)

    def apply(fields):
        ids = [*fields["model"]["vocab"].values()]
        ids += [token["id"] for token in fields["added_tokens"]]
        token = {"id": max(ids) + 1, "content": name, **usual, "special": False}
        fields["added_tokens"].append(token | flags)

    return apply


def forget_bytes(fields):
    """Keep the letters and merges of ASCII alone."""
    model = fields["model"]
    kept = {name for name in model["vocab"] if all(c <= "z" or c in "ĠĊ" for c in name)}
    kept -= set("QXZ")
    model["merges"] = [
        pair for pair in model["merges"] if {*pair, "".join(pair)} <= kept
    ]
    old = sorted(model["vocab"], key=model["vocab"].get)
    model["vocab"] = {n: place for place, n in enumerate(n for n in old if n in kept)}


def together(*changes):
    def apply(fields):
        for change in changes:
            change(fields)

    return apply


def unreachable_word(fields):
    """Put a word into the vocabulary that no merge makes."""
    vocab = fields["model"]["vocab"]
    vocab["WORD"] = len(vocab)


NFC = {"type": "NFC"}
FORMS = {
    "gpt2": lambda fields: None,
    "gpt2, split before": cut_by(split(GPT2), byte_level()),
    "llama 3": cut_by(split(LLAMA3), byte_level()),
    "qwen": together(cut_by(split(QWEN), byte_level()), set_field("normalizer", NFC)),
    "gpt4": cut_by(split(GPT4, "Removed", invert=True), byte_level()),
    "gpt4o": cut_by(split(GPT4O), byte_level()),
    "deepseek": cut_by(
        split(r"\p{N}{1,3}"), split(r"[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level()
    ),
    "smollm": cut_by(digits(True), byte_level(use_regex=True)),
    "digits together": cut_by(digits(False), byte_level(use_regex=True)),
    "a literal": cut_by(split("e.", kind="String"), byte_level()),
    "only matches": cut_by(split("[a-z]+", "Removed", invert=True), byte_level()),
    "before digits": cut_by(split(r"(?=\p{N})"), byte_level()),
    "no cut at all": set_field("pre_tokenizer", byte_level()),
    "space before": set_field(
        "pre_tokenizer", byte_level(add_prefix_space=True, use_regex=True)
    ),
    "nfkd": set_field(
        "normalizer", {"type": "Sequence", "normalizers": [{"type": "NFKD"}]}
    ),
    "whole words": together(unreachable_word, set_model(ignore_merges=True)),
    "ignored words": unreachable_word,
    "identity template": set_field("post_processor", template()),
    "identity in a sequence": set_field(
        "post_processor", {"type": "Sequence", "processors": [byte_level(), template()]}
    ),
    "bos first": set_field("post_processor", template("<bos>")),
    "bos and eos": set_field("post_processor", template("<bos>", "<eos>")),
    "truncation and padding": together(
        set_field(
            "truncation",
            {
                "direction": "Right",
                "max_length": 512,
                "strategy": "LongestFirst",
                "stride": 0,
            },
        ),
        set_field(
            "padding",
            {
                "strategy": {"Fixed": 1},
                "direction": "Right",
                "pad_to_multiple_of": None,
                "pad_id": 0,
                "pad_type_id": 0,
                "pad_token": "<pad>",
            },
        ),
    ),
    "tool": add_token("<tool>"),
    "tool, lstrip": together(add_token("<tool>", lstrip=True), add_token("</tool>")),
    "tool, rstrip": add_token("<tool>", rstrip=True),
    "tool, both": add_token("<tool>", rstrip=True, lstrip=True),
    "single word": add_token("word", single_word=True),
    "spaces": together(
        add_token("   ", normalized=True), add_token("  ", normalized=True)
    ),
    "normalized": together(
        set_field("normalizer", NFC), add_token("nai\u0308ve", normalized=True)
    ),
    "not normalized": together(
        set_field("normalizer", NFC), add_token("nai\u0308ve"), add_token("naïve")
    ),
    "a word of its own": add_token("the"),
    "some bytes": forget_bytes,
    "some bytes, unknown": together(forget_bytes, set_model(unk_token="<unk>")),
    "some bytes, one unknown": together(
        forget_bytes, set_model(unk_token="<unk>", fuse_unk=True)
    ),
    "byte fallback never used": set_model(byte_fallback=True),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The fields of a plain tokenizer.json."""
    ours = BPETokenizer(420)
    ours.build_vocab(
        "It was the best of times, it was the worst of times. 12 345\n\n" * 9
    )
    folder = tmp_path_factory.mktemp("plain")
    ours.save_huggingface(folder)
    return json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))


@pytest.fixture
def write(plain, tmp_path):
    def write(change):
        fields = copy.deepcopy(plain)
        change(fields)
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps(fields), encoding="utf-8")
        return path

    return write


def their_ids(path, with_ends=False):
    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.encode_special_tokens = True  # their names are letters, as they are here
    theirs.no_truncation()
    theirs.no_padding()
    encoded = theirs.encode_batch(STRINGS, add_special_tokens=with_ends)
    return [each.ids for each in encoded]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_ids_of_tokenizers_and_keeps_them(form, write, tmp_path):
    path = write(FORMS[form])
    expected = their_ids(path)
    loaded = BPETokenizer.from_pretrained(path)
    assert [loaded.encode(text) for text in STRINGS] == expected
    loaded.save(tmp_path / "ours.json")
    again = load_tokenizer(tmp_path / "ours.json")
    assert again.to_dict() == loaded.to_dict()
    again.save_huggingface(tmp_path / "theirs.json")
    assert their_ids(tmp_path / "theirs.json") == expected
    # Saved once more by the other library, as it likes to write it.
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "theirs.json"))
    theirs.save(str(tmp_path / "again.json"))
    third = BPETokenizer.from_pretrained(tmp_path / "again.json")
    assert [third.encode(text) for text in STRINGS] == expected


@pytest.mark.parametrize("form", [name for name in FORMS if "bytes" not in name])
def test_the_tree_of_a_text_ends_in_its_tokens(form, write):
    tokenizer = BPETokenizer.from_pretrained(write(FORMS[form]))
    limited = tokenizer.limited_to(len(tokenizer.merges))  # without whole words
    for text in STRINGS[:25]:
        nodes = merge_tree(tokenizer, text)
        tops = roots(nodes, len(tokenizer.merges))
        pieces = [nodes[place].piece for place in tops]
        assert pieces == [limited.token_bytes(token) for token in limited.encode(text)]


@pytest.mark.parametrize("form", ["bos first", "bos and eos"])
def test_a_template_is_what_the_ends_of_a_text_are(form, write):
    path = write(FORMS[form])
    loaded = BPETokenizer.from_pretrained(path)
    ours = [loaded.encode(text, True, form == "bos and eos") for text in STRINGS]
    assert ours == their_ids(path, with_ends=True)


def test_what_has_no_token_is_named(write):
    loaded = BPETokenizer.from_pretrained(write(FORMS["some bytes"]))
    assert loaded.unknown("The Zoo, naïve") == ["Z", "ï"]
    assert loaded.decode(loaded.encode("The Zoo")) == "The oo"


def test_a_config_beside_the_file_names_the_ends_of_a_text(write, tmp_path):
    path = write(add_token("<|im_end|>", special=True))
    config = {"eos_token": {"content": "<|im_end|>"}, "bos_token": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    loaded = BPETokenizer.from_pretrained(path)
    assert loaded.special_tokens[loaded.eos_id] == "<|im_end|>"
    assert type(loaded).from_dict(loaded.to_dict()).eos_id == loaded.eos_id
    assert loaded.bos_id == 2


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\s+$", "something else"),
        (r"\h", "something else"),
        (r"\p{N}{1,3}+", "something else"),
        (r"[a&&b]", "something else"),
        (r"(a", "something else"),
        (r"\p{Nonsense}", "something else"),
    ],
)
def test_a_pattern_that_two_engines_read_differently_is_refused(pattern, words, write):
    with pytest.raises(CheckpointError, match=words):
        BPETokenizer.from_pretrained(write(cut_by(split(pattern), byte_level())))


def test_a_pattern_without_an_end_is_stopped(write, monkeypatch):
    monkeypatch.setattr(patterns, "_SECONDS", 0.2)
    path = write(cut_by(split(r"(?:a|a|aa)+(?=b)"), byte_level()))
    loaded = BPETokenizer.from_pretrained(path)
    with pytest.raises(DataError, match=r"took more than 0 seconds on this text"):
        loaded.encode("a" * 60)


@pytest.mark.parametrize(
    "rules",
    [
        [],
        {"cuts": [{"pattern": r"\h"}]},
        {"normal_form": "NFX"},
        {"more": 1},
        {"roles": {"eos_id": 10**6}},
        {"unknown": 10**6},
        {"typed_tokens": [{"name": "x", "token": -1}]},
    ],
)
def test_rules_of_a_damaged_file_are_refused(rules, write):
    fields = BPETokenizer.from_pretrained(write(FORMS["gpt2"])).to_dict()
    with pytest.raises(CheckpointError):
        BPETokenizer.from_dict(fields | {"rules": rules})
