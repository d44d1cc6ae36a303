"""Which number each line of origin must be about: hook and place by the selection.

Worked out here, from what the page's reader chose, and never asked of the page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from guard.answers_attention import row
from guard.answers_inside import lens, pair, points, prompts, shares, unembedding
from guard.seen import Seen

Place = tuple[int, ...]


@dataclass(frozen=True)
class Expected:
    """One line: the hook, the place in it, and what was read where not the prompt."""

    hook: str
    index: Place
    tokens: Sequence[int] | None = None
    checkpoint: object = field(default=None)


Line = Callable[[Seen], Expected]
LINES: dict[str, Line] = {}


def line(name: str) -> Callable[[Line], Line]:
    def register(found: Line) -> Line:
        assert name not in LINES
        LINES[name] = found
        return found

    return register


def at(seen: Seen, hook: str, *place: int) -> Expected:
    """A place in a hook of the chosen block."""
    return Expected(f"blocks.{seen.layer}.{hook}", (0, *place))


@line("home")
def home(seen: Seen) -> Expected:
    last = seen.config.num_layers - 1
    return Expected(f"blocks.{last}.hook_resid_post", (0, seen.token, 0))


@line("attention")
def attention(seen: Seen) -> Expected:
    best = int(row(seen).argmax())
    return at(seen, "attn.hook_pattern", seen.head, seen.token, best)


OPENED_KEY = 2
"""The key whose cell is opened on Attention's sheet; its query stands behind it."""


def _of_key(name: str) -> Line:
    return lambda seen: at(seen, name, OPENED_KEY, seen.shared, 0)


def _of_row(name: str) -> Line:
    return lambda seen: at(seen, name, seen.head, seen.token, OPENED_KEY)


CELLS = {
    "k": "hook_k",
    "turned": "hook_rot_k",
    "v": "hook_v",
    "scaled": "hook_attn_scores",
    "scores": "hook_attn_scores",
    "pattern": "hook_pattern",
}
"""Attention: which hook holds each row of the sheet."""

for cell, hook in CELLS.items():
    of = _of_key if cell in ("k", "turned", "v") else _of_row
    line(f"attention {cell}")(of(f"attn.{hook}"))


@line("block")
def block(seen: Seen) -> Expected:
    return at(seen, "hook_resid_post", seen.token, 0)


PICKED = {
    "hook_resid_pre": (3,),
    "ln1.hook_normalized": (5,),
    "hook_attn_out": (7,),
    "attn.hook_result": (1, 4),
    "hook_resid_mid": (2,),
    "mlp.hook_post": (9,),
    "hook_mlp_out": (6,),
}
"""Block: a number that is picked on each of its vectors."""

for picked, place in PICKED.items():
    line(f"block {picked}")(
        lambda seen, picked=picked, place=place: at(seen, picked, seen.token, *place)
    )


@line("head_explorer")
def head_explorer(seen: Seen) -> Expected:
    return attention(seen)


@line("embeddings tokens")
def embeddings_tokens(seen: Seen) -> Expected:
    return Expected("hook_embed", (0, seen.token, 0))


@line("embeddings typed")
def embeddings_typed(seen: Seen) -> Expected:
    typed = seen.checkpoint.tokenizer.encode("k")[:1]
    return Expected("hook_embed", (0, 0, 0), typed)


@line("embeddings positions")
def embeddings_positions(seen: Seen) -> Expected:
    scheme = seen.config.positional_encoding
    if scheme == "learned":
        return Expected("hook_pos_embed", (0, seen.token, 0))
    if scheme == "rope":
        return at(seen, "attn.hook_rot_q", seen.token, seen.head, 0)
    before = max(0, seen.token - 1)
    return at(seen, "attn.hook_attn_scores", seen.head, seen.token, before)


@line("embeddings shuffle")
def embeddings_shuffle(seen: Seen) -> Expected:
    best = int(seen.cache["logits"][-1].argmax())
    return Expected("logits", (0, seen.last, best))


@line("tokenizer")
def tokenizer(seen: Seen) -> Expected:
    return Expected("hook_embed", (0, 0, 0))


@line("lens cell")
def lens_cell(seen: Seen) -> Expected:
    """The number of the stream that does most for the cell's likeliest token."""
    name, logits = list(lens(seen).items())[-1]
    vector = points(seen)[name][seen.token]
    norm = seen.model.ln_final
    x = vector - vector.mean() if seen.config.norm == "layernorm" else vector
    scaled = x * norm.weight.detach().double().numpy()
    row_ = unembedding(seen)[int(logits.argmax())]
    hook = "hook_resid_post"
    best = int(np.abs(scaled * row_).argmax())
    return Expected(
        f"blocks.{seen.config.num_layers - 1}.{hook}", (0, seen.token, best)
    )


@line("lens share")
def lens_share(seen: Seen) -> Expected:
    """The number of the head's z that does most for A against B."""
    a, b = pair(seen)
    norm, table = seen.model.ln_final, unembedding(seen)
    direction = (table[a] - table[b]) * norm.weight.detach().double().numpy()
    if seen.config.norm == "layernorm":
        direction = direction - direction.mean()
    output = seen.model.blocks[seen.layer].attn.output.weight.detach().double().numpy()
    z = seen.attn("z")[seen.token]
    per_number = (direction @ output).reshape(z.shape)[seen.head] * z[seen.head]
    assert shares(seen)
    best = int(np.abs(per_number).argmax())
    return at(seen, "attn.hook_z", seen.token, seen.head, best)


@line("intervene cut head")
def intervene_head(seen: Seen) -> Expected:
    return at(seen, "attn.hook_z", seen.last, seen.head, 0)


@line("intervene cut edge")
def intervene_edge(seen: Seen) -> Expected:
    return at(seen, "attn.hook_pattern", seen.head, 5, 3)


@line("intervene cut attention")
def intervene_attention(seen: Seen) -> Expected:
    return at(seen, "hook_attn_out", seen.last, 0)


@line("intervene patch")
def intervene_patch(seen: Seen) -> Expected:
    """The stream, at the patch that moves the answer farthest, in the clean prompt."""
    from guard.answers_inside import moved

    clean, _ = prompts(seen)
    found = {
        (layer, place): abs(round(moved(seen, "hook_resid_pre", 1, layer, place), 3))
        for layer in range(seen.config.num_layers)
        for place in range(len(clean))
    }
    layer, place = max(found, key=lambda cell: (found[cell], cell))
    return Expected(f"blocks.{layer}.hook_resid_pre", (0, place, 0), clean)


@line("compare loss")
def compare_loss(seen: Seen) -> Expected:
    token = seen.tokens[seen.token]
    return Expected("logits", (0, seen.token - 1, token))


@line("compare heads")
def compare_heads(seen: Seen) -> Expected:
    return at(seen, "attn.hook_pattern", seen.head, seen.token, seen.token)


@line("compare saliency")
def compare_saliency(seen: Seen) -> Expected:
    read = seen.tokens[: seen.token]
    return Expected("hook_embed", (0, len(read) - 1, 0), read)


@line("generation")
def generation(seen: Seen) -> Expected:
    """The logit of the token that the dice chose."""
    from guard.answers_write import thrown

    return Expected("logits", (0, seen.last, thrown(seen)))


@line("beam_search")
def beam_search(seen: Seen) -> Expected:
    """Where no node is chosen, the first: the likeliest next token."""
    best = int(seen.cache["logits"][-1].argmax())
    return Expected("logits", (0, seen.last, best))


def _example(seen: Seen, checkpoint: object, example: dict[str, str]) -> Expected:
    from guard.answers_train import example_row

    row, begin = example_row(seen, checkpoint, example)
    return Expected("logits", (0, begin - 1, row[begin]), row, checkpoint)


@line("finetuning example")
def finetuning_example(seen: Seen) -> Expected:
    """The first token that counts, as the base reads it."""
    from guard.answers_train import base, shown

    return _example(seen, base(seen), shown(seen))


@line("finetuning example afterwards")
def finetuning_afterwards(seen: Seen) -> Expected:
    """The same in the held-out example, as the tuned model reads it."""
    from guard.answers_train import held_example, tuned

    return _example(seen, tuned(seen), held_example(seen))
