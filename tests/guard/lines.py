"""Which number each line of origin must be about: hook and place by the selection.

Worked out here, from what the page's reader chose, and never asked of the page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from guard.answers_attention import row
from guard.answers_inside import lens, pair, points, prompts, shares, unembedding
from guard.seen import Seen, cache_of, gradients_of

from minigpt.interpret.heads.corpus_examples import FEWEST_KEYS
from minigpt.interpret.heads.held_out_scores import WINDOWS
from pages.frame.corpora import held_out_text

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

SITES: set[str] = set()
"""Folder and function of every call of `provenance.show` that is looked at."""


def line(name: str, site: str) -> Callable[[Line], Line]:
    """Register what a line must be about, and where the page shows it."""

    def register(found: Line) -> Line:
        assert name not in LINES
        LINES[name] = found
        SITES.add(site)
        return found

    return register


def at(seen: Seen, hook: str, *place: int) -> Expected:
    """A place in a hook of the chosen block."""
    return Expected(f"blocks.{seen.layer}.{hook}", (0, *place))


@line("home", "home._trace_guess")
def home(seen: Seen) -> Expected:
    best = int(seen.cache["logits"][seen.token].argmax())
    return Expected("logits", (0, seen.token, best))


@line("attention", "attention.trace")
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
    line(f"attention {cell}", "attention.trace")(of(f"attn.{hook}"))


@line("learning loss", "learning.show_loss")
def learning_loss(seen: Seen) -> Expected:
    """The logit of the token that surprised most."""
    from guard.answers_learning import losses

    worst = int(losses(seen).argmax())
    return Expected("logits", (0, worst, seen.tokens[worst + 1]))


@line("learning gradient", "learning.show_gradient")
def learning_gradient(seen: Seen) -> Expected:
    """Where it begins: the logits at the token that surprised most."""
    from guard.answers_learning import losses

    return steepest(seen, "logits", int(losses(seen).argmax()))


def steepest(seen: Seen, hook: str, position: int) -> Expected:
    """The largest number of a gradient at a position."""
    rows = gradients_of(seen.model, seen.tokens)[f"{hook}_grad"][position]
    place = np.unravel_index(int(np.abs(rows).argmax()), rows.shape)
    return Expected(f"{hook}_grad", (0, position, *map(int, place)))


GRADIENTS = ("hook_embed", "attn.hook_z", "mlp.hook_post", "hook_resid_post")
"""How a weight learns: a cell that is picked in each kind of column."""


def gradient_hook(seen: Seen, part: str) -> str:
    """The column's hook, of the last block."""
    last = seen.config.num_layers - 1
    return part if part == "hook_embed" else f"blocks.{last}.{part}"


for part in GRADIENTS:
    line(f"learning {part}", "learning.show_gradient")(
        lambda seen, part=part: steepest(seen, gradient_hook(seen, part), 2)
    )


@line("block", "block.show_figures")
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
    line(f"block {picked}", "block.show_figures")(
        lambda seen, picked=picked, place=place: at(seen, picked, seen.token, *place)
    )


@line("head_explorer", "head_explorer.show_one_head")
def head_explorer(seen: Seen) -> Expected:
    return attention(seen)


@line("head_explorer examples", "head_explorer.show_examples")
def head_explorer_examples(seen: Seen) -> Expected:
    """The row that lies furthest above the mean of the rows with as many keys."""
    windows = held_out_text(seen.checkpoint, WINDOWS).windows
    read = [cache_of(seen.checkpoint.model, list(window)) for window in windows]
    name = f"blocks.{seen.layer}.attn.hook_pattern"
    weights = np.stack([cache[name][seen.head] for cache in read])
    above = weights.max(-1) - weights.max(-1).mean(0)
    fewest = min(FEWEST_KEYS - 1, windows.shape[1] // 2)
    above[:, :fewest] = -1
    window, query = np.unravel_index(above.argmax(), above.shape)
    key = int(weights[window, query].argmax())
    place = seen.head, int(query), key
    return Expected(name, (0, *place), list(windows[window]))


@line("embeddings tokens", "embeddings._trace")
def embeddings_tokens(seen: Seen) -> Expected:
    return Expected("hook_embed", (0, seen.token, 0))


@line("embeddings typed", "embeddings._trace")
def embeddings_typed(seen: Seen) -> Expected:
    typed = seen.checkpoint.tokenizer.encode("k")[:1]
    return Expected("hook_embed", (0, 0, 0), typed)


@line("embeddings unembedding", "embeddings._trace")
def embeddings_unembedding(seen: Seen) -> Expected:
    return Expected("logits", (0, seen.last, seen.tokens[seen.token]))


@line("embeddings positions", "embeddings._trace")
def embeddings_positions(seen: Seen) -> Expected:
    scheme = seen.config.positional_encoding
    if scheme == "learned":
        return Expected("hook_pos_embed", (0, seen.token, 0))
    if scheme == "rope":
        return at(seen, "attn.hook_rot_q", seen.token, seen.head, 0)
    before = max(0, seen.token - 1)
    return at(seen, "attn.hook_attn_scores", seen.head, seen.token, before)


@line("embeddings shuffle", "embeddings._show_code")
def embeddings_shuffle(seen: Seen) -> Expected:
    best = int(seen.cache["logits"][-1].argmax())
    return Expected("logits", (0, seen.last, best))


@line("tokenizer", "tokenizer._trace")
def tokenizer(seen: Seen) -> Expected:
    return Expected("hook_embed", (0, 0, 0))


@line("lens cell", "logit_lens.show_origin")
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


@line("lens share", "logit_lens.show_part")
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


@line("intervene cut head", "intervene.show")
def intervene_head(seen: Seen) -> Expected:
    return at(seen, "attn.hook_z", seen.last, seen.head, 0)


@line("intervene cut edge", "intervene.show")
def intervene_edge(seen: Seen) -> Expected:
    return at(seen, "attn.hook_pattern", seen.head, 5, 3)


@line("intervene cut attention", "intervene.show")
def intervene_attention(seen: Seen) -> Expected:
    return at(seen, "hook_attn_out", seen.last, 0)


@line("intervene patch", "intervene._show_patch")
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


@line("compare loss", "compare.show_origin")
def compare_loss(seen: Seen) -> Expected:
    token = seen.tokens[seen.token]
    return Expected("logits", (0, seen.token - 1, token))


@line("compare heads", "compare._show_own_weight")
def compare_heads(seen: Seen) -> Expected:
    return at(seen, "attn.hook_pattern", seen.head, seen.token, seen.token)


@line("compare saliency", "compare.input_saliency")
def compare_saliency(seen: Seen) -> Expected:
    read = seen.tokens[: seen.token]
    return Expected("hook_embed", (0, len(read) - 1, 0), read)


@line("generation", "generation._trace")
def generation(seen: Seen) -> Expected:
    """The logit of the token that the dice chose."""
    from guard.answers_write import thrown

    return Expected("logits", (0, seen.last, thrown(seen)))


@line("generation cache", "generation._trace")
def generation_cache(seen: Seen) -> Expected:
    """The first number of the newest token's value, in the last layer."""
    layer = seen.model.config.num_layers - 1
    return Expected(f"blocks.{layer}.attn.hook_v", (0, seen.last, seen.head, 0))


@line("generation text", "generation.show_origin")
def generation_text(seen: Seen) -> Expected:
    """The logit of the fourth token of the text."""
    from guard.answers_write import text_written

    written = text_written(seen)
    read = [*seen.tokens, *written[:LOCKED]]
    return Expected("logits", (0, len(read) - 1, written[LOCKED]), read)


LOCKED = 3
"""The token of the written text that is chosen."""


@line("beam_search", "beam_search._trace")
def beam_search(seen: Seen) -> Expected:
    """Where no node is chosen, the first: the likeliest next token."""
    from guard.answers_write import node

    tokens = node(seen).tokens
    read = [*seen.tokens, *tokens[:-1]]
    return Expected("logits", (0, len(read) - 1, tokens[-1]), read)


@line("beam_search node", "beam_search._trace")
def beam_search_node(seen: Seen) -> Expected:
    """The likeliest candidate of the second step."""
    return beam_search(seen)


@line("chat", "chat._show_row")
def chat(seen: Seen) -> Expected:
    """The row of the head at the moment when the answer commits itself."""
    from guard.answers_write import decisive_row

    tokens, row_ = decisive_row(seen)
    best = int(row_.argmax())
    hook = f"blocks.{seen.layer}.attn.hook_pattern"
    return Expected(hook, (0, seen.head, len(tokens) - 1, best), tokens)


@line("finetuning heads", "finetuning._show_reads")
def finetuning_heads(seen: Seen) -> Expected:
    """What the tuned model's head reads just before the answer's word."""
    from guard.answers_train import before_the_word, tuned

    tokens = before_the_word(seen)
    hook = f"blocks.{seen.layer}.attn.hook_pattern"
    pattern = cache_of(tuned(seen).model, tokens)[hook]
    best = int(pattern[seen.head, -1].argmax())
    return Expected(hook, (0, seen.head, len(tokens) - 1, best), tokens, tuned(seen))


def _example(seen: Seen, checkpoint: object, example: dict[str, str]) -> Expected:
    from guard.answers_train import example_row

    row, begin = example_row(seen, checkpoint, example)
    return Expected("logits", (0, begin - 1, row[begin]), row, checkpoint)


@line("finetuning example", "finetuning._show_origin")
def finetuning_example(seen: Seen) -> Expected:
    """The first token that counts, as the base reads it."""
    from guard.answers_train import base, shown

    return _example(seen, base(seen), shown(seen))


@line("finetuning example afterwards", "finetuning._show_origin")
def finetuning_afterwards(seen: Seen) -> Expected:
    """The same in the held-out example, as the tuned model reads it."""
    from guard.answers_train import held_example, tuned

    return _example(seen, tuned(seen), held_example(seen))
