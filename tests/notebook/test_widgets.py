"""Widgets without a browser: their numbers, what can be chosen, what they refuse."""

import base64
import importlib
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from model.gpt2_oracle import random_gpt2
from notebook.conftest import TEXT
from transformers import BertConfig, BertModel

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError, DataError
from minigpt.generation import Generator
from minigpt.model import MLPLM
from minigpt.notebook import attention, beam, heads, journey, lens, merges
from minigpt.notebook.widget import Figure
from minigpt.tokenizers import BPETokenizer


@pytest.fixture(scope="module")
def pairs() -> BPETokenizer:
    tokenizer = BPETokenizer(vocab_size=266)
    tokenizer.build_vocab(TEXT * 4)
    return tokenizer


def recorded(checkpoint: Checkpoint, text: str = TEXT):
    tokens = torch.tensor([checkpoint.tokenizer.encode(text)])
    with torch.inference_mode():
        return checkpoint.model.run_with_cache(tokens)


def patterns_in(cache, layers: int) -> np.ndarray:
    return np.stack([cache["pattern", layer][0].numpy() for layer in range(layers)])


def bytes_of(packed: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), kind)


def as_the_picture_sends(widget: Figure, **state) -> None:
    widget.set_state(state)


def test_the_grid_and_the_map_hold_the_hooks_weights(checkpoint):
    _, cache = recorded(checkpoint)
    expected = patterns_in(cache, checkpoint.model.config.num_layers)
    widget = heads(checkpoint, TEXT, head=(1, 2))
    assert np.abs(widget.patterns - expected).max() < 1e-6
    assert widget.pieces == list(TEXT)
    side = widget.grid["side"]
    assert (side, widget.grid["causal"]) == (len(TEXT), True)
    rows, columns = np.tril_indices(side)
    grid = bytes_of(widget.grid["weights"], "u1").reshape(*expected.shape[:2], -1)
    assert np.abs(grid / 255 - expected[:, :, rows, columns]).max() <= 0.5 / 255 + 1e-7
    close = bytes_of(widget.map["weights"], "<u2").reshape(side, side)
    assert (close[np.triu_indices(side, 1)] == 65535).all()
    shown, own = close[rows, columns] / 1000, expected[1, 2][rows, columns]
    assert np.abs(shown - own).max() <= 0.0005 + 1e-7


def test_a_choice_goes_from_the_picture_to_python_and_back(checkpoint):
    widget = heads(checkpoint, TEXT)
    heard = []
    widget.observe(lambda change: heard.append(change.new), "head")
    as_the_picture_sends(widget, head=[1, 0])
    assert heard == [(1, 0)]
    assert widget.map["head"] == [1, 0]
    assert np.array_equal(widget.pattern, widget.patterns[1, 0])
    as_the_picture_sends(widget, cell=[3, 1])
    assert widget.weight == widget.patterns[1, 0, 3, 1]
    as_the_picture_sends(widget, cell=None)
    assert widget.weight is None
    widget.head = (0, 1)
    state = widget.get_state(["head", "map"])
    assert list(state["head"]) == state["map"]["head"] == [0, 1]
    for name, wrong in [("head", (2, 0)), ("head", (0, -1)), ("cell", (0, 99))]:
        with pytest.raises(DataError, match=rf"{name} .* lies outside: the first"):
            setattr(widget, name, wrong)
    assert widget.head == (0, 1)


def test_a_long_text_is_pooled_by_its_largest_weights(checkpoint):
    widget = heads(checkpoint, "the cat " * 24)
    side = widget.grid["side"]
    assert side == 64  # of 192 tokens
    (row, column), packed = (40, 3), bytes_of(widget.grid["weights"], "u1")
    grid = packed.reshape(*widget.patterns.shape[:2], -1)
    found = grid[1, 1][row * (row + 1) // 2 + column]
    patch = widget.patterns[1, 1, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
    assert found == np.rint(255 * patch.max())


class LikeTransformerLens:
    """Answers as its ActivationCache does: a KeyError where there is no such layer."""

    def __init__(self, layers):
        self.values = {f"blocks.{n}.attn.hook_pattern": p for n, p in enumerate(layers)}

    def __getitem__(self, key):
        return self.values[f"blocks.{key[1]}.attn.hook_{key[0]}"]


def test_patterns_recorded_by_others_are_drawn(checkpoint):
    ids = torch.tensor([[5, 6, 7, 5, 6]])
    pieces = ["a", "b", "c", "a", "b"]
    model = random_gpt2(n_layer=2, n_head=4, n_embd=32)
    model.set_attn_implementation("eager")
    small = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}
    settings = BertConfig(vocab_size=11, intermediate_size=8, **small)
    both_ways = BertModel(settings).eval()
    both_ways.set_attn_implementation("eager")
    with torch.inference_mode():
        causal = model(ids, output_attentions=True).attentions
        bert = both_ways(ids, output_attentions=True).attentions
    for layers, is_causal in [(causal, True), (bert, False)]:
        expected = np.stack([each[0].numpy() for each in layers])
        squeezed = LikeTransformerLens([each[0] for each in layers])
        for source in (list(layers), layers, LikeTransformerLens(layers), squeezed):
            widget = heads(source, pieces)
            assert np.array_equal(widget.patterns, expected)
            assert widget.grid["causal"] == is_causal
    _, cache = recorded(checkpoint)
    own = heads(cache, list(TEXT))
    assert np.array_equal(own.patterns, patterns_in(cache, 2))


def test_scores_stand_under_the_heads(checkpoint):
    widget = heads(checkpoint, TEXT, scores=[[0.5, np.nan, 1, 0]] * 2, score_name="s")
    assert widget.grid["scores"] == [[0.5, None, 1, 0]] * 2
    assert widget.grid["scoreName"] == "s"


def test_the_lens_ends_with_what_the_model_says(checkpoint):
    logits, _ = recorded(checkpoint)
    widget = lens(checkpoint, TEXT)
    best = logits[0].softmax(-1).topk(8)
    top = widget.table["top"][-1]
    assert top == [checkpoint.tokenizer.pieces(row.tolist()) for row in best.indices]
    shown = np.array(widget.table["probabilities"][-1])
    assert np.abs(shown - best.values.numpy()).max() < 1e-6
    as_the_picture_sends(widget, place=[0, 2])
    assert widget.top[0] == (
        widget.table["top"][0][2][0],
        widget.table["probabilities"][0][2][0],
    )
    with pytest.raises(DataError, match=r"place .* lies outside"):
        widget.place = (99, 0)


def test_merges_lead_from_bytes_to_the_tokenizers_tokens(pairs):
    text = f"{TEXT} é"
    widget = merges(pairs, text)
    assert widget.pieces == [bytes([byte]) for byte in text.encode()]
    as_the_picture_sends(widget, step=len(widget.steps))
    assert widget.pieces == [pairs.token_bytes(t) for t in pairs.encode(text)]
    assert "C3" in widget.tree["labels"]
    widget.step = 1
    first = pairs.merges[widget.steps[0].rank]
    assert b"".join(first) in widget.pieces
    with pytest.raises(DataError, match="step 99 lies outside: this text has 0 to"):
        widget.step = 99


def test_the_tree_holds_the_search_and_greedys_text(checkpoint):
    widget = beam(checkpoint, TEXT, num_beams=2, max_new_tokens=3)
    config = GenerationConfig(strategy="beam", num_beams=2, max_new_tokens=3)
    generator = Generator(checkpoint.model, checkpoint.tokenizer)
    widget.node = widget.search.returned[0]
    assert widget.written == generator.generate(TEXT, config).text
    greedy = config.replace(strategy="greedy", num_beams=1)
    as_the_picture_sends(widget, node=widget.tree["greedy"]["path"][-1])
    assert widget.written == generator.generate(TEXT, greedy).text
    with pytest.raises(DataError, match="node 999 lies outside"):
        widget.node = 999


def test_what_cannot_be_drawn_is_refused_in_one_sentence(checkpoint, pairs):
    mlp = MLPLM(vocab_size=checkpoint.tokenizer.vocab_size, d_model=4, d_ff=8)
    simple = (mlp, checkpoint.tokenizer)
    even = torch.full((1, 2, 3, 3), 1 / 3)
    three = ["a", "b", "c"]
    refused = [
        (lambda: heads({}, TEXT), "needs a model and its tokenizer, not a dict"),
        (lambda: heads([even], TEXT), "with the text's tokens as a list of strings"),
        (lambda: heads(simple, TEXT), "is an MLP"),
        (lambda: lens(simple, TEXT), "is an MLP"),
        (lambda: journey(simple, TEXT), "is an MLP"),
        (lambda: journey(checkpoint, ""), "The prompt is empty"),
        (lambda: attention([even], TEXT), "`heads` draws recorded patterns"),
        (
            lambda: attention(checkpoint, TEXT, row=22),
            "row 22 lies outside: .* 0 to 21",
        ),
        (lambda: attention(checkpoint, TEXT, head=(2, 0)), r"head \(2, 0\) lies out"),
        (lambda: heads(checkpoint, ""), "The prompt is empty"),
        (lambda: heads(checkpoint, "a" * 201), "shorten it by 1"),
        (lambda: heads({}, three), "No layer's pattern was recorded"),
        (lambda: heads(7, three), "A int holds no patterns"),
        (lambda: heads(["a"], three), "layer 0 is a str, not a tensor"),
        (lambda: heads([even[0, 0]], three), r"layer 0 has shape \[3, 3\]"),
        (lambda: heads([even.expand(2, 2, 3, 3)], three), r"shape \[2, 2, 3, 3\]"),
        (lambda: heads([even, even[:, :1]], three), "differ in shape"),
        (lambda: heads([even], ["a", "b"]), "There are 2 tokens, but .* 3 queries"),
        (lambda: heads([even[..., :2]], three), "3 queries and 2 keys"),
        (lambda: heads([even * 9], three), "more than 1: pass the patterns after"),
        (lambda: heads([even - 1], three), "not a weight"),
        (lambda: heads([even * torch.nan], three), "not a weight"),
        (lambda: heads(checkpoint, TEXT, head=(9, 0)), r"head \(9, 0\) lies outside"),
        (lambda: heads(checkpoint, TEXT, scores=[1]), r"\[2, 4\], but .* \[1\]"),
        (lambda: merges(checkpoint, TEXT), "A CharTokenizer has no merges"),
        (lambda: merges(pairs, ""), "The text is empty"),
        (lambda: beam(checkpoint, TEXT, num_beams=0), "num_beams"),
    ]
    for call, told in refused:
        with pytest.raises((DataError, ConfigError), match=told) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def every(checkpoint, pairs) -> list[Figure]:
    return [
        attention(checkpoint, TEXT),
        heads(checkpoint, TEXT),
        journey(checkpoint, TEXT),
        lens(checkpoint, TEXT),
        merges(pairs, TEXT),
        beam(checkpoint, TEXT, num_beams=2, max_new_tokens=2),
    ]


def test_a_script_is_one_module_that_asks_for_nothing(every):
    for widget in every:
        script = widget._esm
        assert re.findall(r"^export .*", script, re.M) == [
            f"export default {{ render: notebook_{widget.figure}.render }};"
        ]
        assert not re.search(r"^\s*import\b|\bimport\s*\(|\brequire\s*\(", script, re.M)
        assert not re.search(r"\bfetch\s*\(|XMLHttpRequest|WebSocket|@import", script)
        assert set(re.findall(r"https?://[^\s\"'`]+", script)) <= {
            "http://www.w3.org/2000/svg"
        }


def test_where_no_kernel_runs_a_picture_stands_in(every):
    for widget in every:
        data, _ = widget._repr_mimebundle_()
        assert data["text/plain"] == widget.summary()
        assert "application/vnd.jupyter.widget-view+json" in data
        ElementTree.fromstring(data["text/html"])  # Tags are closed, every & escaped.
        assert not re.search("<script|src=|href=", data["text/html"])


def test_the_picture_of_a_head_has_its_weights_and_its_tokens(checkpoint):
    widget = heads(checkpoint, "<&> cat")
    widget.head = (1, 3)
    _, close = ElementTree.fromstring(widget.picture())
    svg = "{http://www.w3.org/2000/svg}"
    texts = [each.text for each in close.iter(f"{svg}text")]
    assert texts == ["L1H3: a row reads what is inked", *"<&>·cat"]
    ink = {
        (int(row), int(column))
        for path in close.iter(f"{svg}path")
        for column, row in re.findall(r"M(\d+) (\d+)", path.get("d"))
    }
    dark = {(q, k) for q, k in np.argwhere(widget.pattern > 0.01).tolist()}
    assert dark <= ink <= {(q, k) for q, k in np.argwhere(widget.pattern > 0).tolist()}


def test_without_anywidget_one_line_names_the_extra(monkeypatch):
    for name in [each for each in sys.modules if each.startswith("minigpt.notebook")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"pip install 'minigpt-glass\[notebook\]'"):
        importlib.import_module("minigpt.notebook")
