"""What the tutorials' own code saves opens here, and computes what that code does."""

import math
from types import SimpleNamespace

import pytest
import torch
from pretrained.test_codebases import TOKENS, VOCAB, assert_equal_logits, shaken
from pretrained.test_codebases import with_tokens as with_tokens
from torch import nn

import minigpt
from minigpt.errors import CheckpointError, ConfigError

WAYS = [
    ("W_q", "W_k", "W_v", "W_o"),
    ("query", "key", "value", "out"),
    ("q_proj", "k_proj", "v_proj", "out_proj"),
]


class PositionalEncoding(nn.Module):
    """Waves, kept with the model's weights."""

    def __init__(self, d_model, max_seq_len):
        super().__init__()
        place = torch.arange(max_seq_len).unsqueeze(1)
        speed = torch.exp(torch.arange(0, d_model, 2) * (-math.log(1e4) / d_model))
        pe = torch.zeros(max_seq_len, d_model)
        pe[:, 0::2], pe[:, 1::2] = torch.sin(place * speed), torch.cos(place * speed)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, names, bias):
        super().__init__()
        self.num_heads, self.names = num_heads, names
        for name in names[:3]:
            setattr(self, name, nn.Linear(d_model, d_model, bias=bias))
        setattr(self, names[3], nn.Linear(d_model, d_model))
        self.register_buffer("mask", torch.ones(40, 40).tril())

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = (
            getattr(self, name)(x).view(batch, length, self.num_heads, -1).mT
            for name in self.names[:3]
        )
        q, k, v = (each.permute(0, 3, 1, 2) for each in (q, k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
        hidden = self.mask[:length, :length] == 0
        weights = scores.masked_fill(hidden, -math.inf).softmax(-1)
        joined = (weights @ v).transpose(1, 2).reshape(batch, length, -1)
        return getattr(self, self.names[3])(joined)


class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, bend):
        super().__init__()
        self.linear1 = nn.Linear(d_model, d_ff)
        self.linear2 = nn.Linear(d_ff, d_model)
        self.bend = bend

    def forward(self, x):
        return self.linear2(self.bend(self.linear1(x)))


class TransformerBlock(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class Tutorial(nn.Module):
    """The model that the tutorials build; it answers as one of `transformers` does."""

    def __init__(self, names=WAYS[0], bias=True, bend=torch.relu, heads=4):
        super().__init__()
        width = 32
        self.token_embedding = nn.Embedding(VOCAB, width)
        self.positional_encoding = PositionalEncoding(width, 40)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                width,
                MultiHeadAttention(width, heads, names, bias),
                FeedForward(width, 48, bend),
            )
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, VOCAB)

    def forward(self, tokens):
        x = self.positional_encoding(self.token_embedding(tokens))
        for block in self.blocks:
            x = block(x)
        return SimpleNamespace(logits=self.head(self.norm(x)))


def saved(theirs, **settings):
    """What the tutorials' trainer saves."""
    optimizer = torch.optim.AdamW(theirs.parameters()).state_dict()
    return {
        "epoch": 3,
        "model_state_dict": theirs.state_dict(),
        "optimizer_state_dict": optimizer,
        "loss": 1.25,
        "config": {"num_heads": 4} | settings,
    }


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("names", WAYS, ids=str)
def test_what_the_tutorials_save_opens_with_equal_logits(names, bias, with_tokens):
    theirs = shaken(Tutorial(names, bias))
    torch.save(saved(theirs), with_tokens / "best_model.pt")
    found = minigpt.from_pretrained(with_tokens)
    assert_equal_logits(found.model, theirs)
    assert found.model.config.head_bias
    assert "relu in the MLP" in found.metadata.provenance["notes"]
    minigpt.save_checkpoint(with_tokens / "kept", found.model, found.tokenizer)
    again = minigpt.load(with_tokens / "kept").model
    assert torch.equal(again(TOKENS), found.model(TOKENS))


def test_its_settings_say_which_activation(with_tokens):
    theirs = shaken(Tutorial(bend=nn.functional.gelu))
    torch.save(saved(theirs, activation="gelu"), with_tokens / "best_model.pt")
    found = minigpt.from_pretrained(with_tokens / "best_model.pt")
    assert_equal_logits(found.model, theirs)


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("norm.", r"has no tensor norm\.weight \(or final_norm"),
        ("blocks.0.attention.W_o", r"attention\.output\.weight \(or W_o"),
        ("positional_encoding", "no table of positions.*max_seq_len"),
        ("blocks.1.norm1.bias", "blocks.1.norm1.bias.* is missing"),
    ],
)
def test_a_part_that_is_missing_is_named(without, words, with_tokens):
    content = saved(Tutorial())
    content["model_state_dict"] = {
        name: part
        for name, part in content["model_state_dict"].items()
        if not name.startswith(without)
    }
    torch.save(content, with_tokens / "best_model.pt")
    with pytest.raises(CheckpointError, match=words) as error:
        minigpt.from_pretrained(with_tokens / "best_model.pt")
    assert "\n" not in str(error.value)


def test_without_its_waves_they_are_computed(with_tokens):
    theirs = shaken(Tutorial())
    content = saved(theirs, max_seq_len=40)
    del content["model_state_dict"]["positional_encoding.pe"]
    torch.save(content, with_tokens / "best_model.pt")
    found = minigpt.from_pretrained(with_tokens / "best_model.pt")
    assert_equal_logits(found.model, theirs)


def test_a_head_with_a_bias_fits_no_family(with_tokens, tmp_path):
    torch.save(saved(Tutorial()), with_tokens / "best_model.pt")
    model, tokenizer, _ = minigpt.from_pretrained(with_tokens / "best_model.pt")
    with pytest.raises(ConfigError, match="head_bias is True"):
        minigpt.export_pretrained(model, tokenizer, tmp_path / "out")
