"""The answers of Home, Attention, Block and the Head explorer, from the hooks."""

import re

import numpy as np
import torch
from guard.answers import answers
from guard.printed import Answer, numbers_in, plain_text
from guard.screen import Asked
from guard.seen import (
    Seen,
    cache_of,
    divergence,
    length,
    logits_of,
    softmax,
    without_head,
)

from minigpt.interpret.corpora import held_out
from minigpt.interpret.heads.habits import ALL_HABITS, HabitCells, text_habits
from minigpt.interpret.heads.null_band import null_band, untrained_model
from minigpt.interpret.heads.repeated_tokens import familiar_tokens, repeated_tokens

HABITS = {
    "previous_token": "the token just before",
    "induction": "what came next last time",
    "duplicate_token": "earlier copies of the token",
    "first_token": "the first token",
    "self_token": "the token itself",
}


def tokens_of(seen: Seen, asked: Asked) -> list[int]:
    """Return the prompt that a question is about: one it names, or the screen's."""
    named = re.match("In “(.*?)”: ", plain_text(asked.text))
    return seen.checkpoint.tokenizer.encode(named[1]) if named else seen.tokens


def yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


# Attention: one row of one head.


def row(seen: Seen) -> np.ndarray:
    return seen.attn("pattern")[seen.head, seen.token]


def products(seen: Seen) -> np.ndarray:
    """q · k of the chosen query with every key."""
    turn = "rot_" if seen.is_turned else ""
    q = seen.attn(f"{turn}q")[seen.token, seen.head]
    return seen.attn(f"{turn}k")[:, seen.shared] @ q


def all_products(seen: Seen) -> np.ndarray:
    """q · k of every query with every key, of the chosen head."""
    turn = "rot_" if seen.is_turned else ""
    q = seen.attn(f"{turn}q")[:, seen.head]
    return q @ seen.attn(f"{turn}k")[:, seen.shared].T


@answers("attention.strongest")
def attention_strongest(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    best = int(row(seen).argmax())
    return Answer(seen.placed(best), (seen.token, best, row(seen)[best]))


@answers("attention.rest")
def attention_rest(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    others = np.delete(row(seen), row(seen).argmax()).sum()
    return Answer(others, (seen.token, 1, row(seen).max()))


@answers("attention.scale")
def attention_scale(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    readable = products(seen)[: seen.token + 1]
    raw = readable[np.abs(readable).argmax()]
    root = seen.config.d_head**0.5
    return Answer(raw / root, (raw, seen.config.d_head, seen.config.d_head, root))


@answers("attention.mask")
def attention_mask(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    return Answer(seen.token + 1, (len(seen.tokens), seen.token))


@answers("attention.collapse")
def attention_collapse(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    end = seen.token + 1
    scores, raw = seen.attn("attn_scores")[seen.head, seen.token, :end], products(seen)
    bias = scores - raw[:end] / seen.config.d_head**0.5
    before, after = row(seen).max(), softmax(raw[:end] + bias).max()
    if abs(after - before) <= 0.01:
        return Answer("it stays within 0.01", (seen.token, before, after))
    way = "it grows" if after > before else "it shrinks"
    return Answer(way, (seen.token, before, after))


# Multi-head and block: one position of one block.


def written(seen: Seen) -> list[float]:
    """How much each head writes: its z through its slice of the output weights."""
    weight = seen.model.blocks[seen.layer].attn.output.weight.detach().double().numpy()
    z = seen.attn("z")[seen.token]
    slices = weight.reshape(len(weight), *z.shape)
    return [length(slices[:, head] @ z[head]) for head in range(len(z))]


def after_attention(seen: Seen) -> np.ndarray:
    return seen.hook("hook_resid_pre") + seen.hook("hook_attn_out")


@answers("block.sublayers")
def block_sublayers(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    heads, mlp = (
        length(seen.hook(name)[seen.token])
        for name in ("hook_attn_out", "hook_mlp_out")
    )
    right = "more than twice as long" if mlp > 2 * heads else ""
    right = right or ("longer, but less than twice" if mlp > heads else "")
    right = right or ("shorter, but more than half" if mlp > heads / 2 else "")
    right = right or "less than half as long"
    return Answer(right, (seen.token, seen.layer, heads, mlp))


@answers("block.head")
def block_head(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    sizes = written(seen)
    best = int(np.argmax(sizes))
    return Answer(f"L{seen.layer}H{best}", (seen.token, seen.layer, sizes[best]))


@answers("block.grows")
def block_grows(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    before, after = (
        length(seen.hook(f"hook_resid_{end}")[seen.token]) for end in ("pre", "post")
    )
    right = "it grows, but less than twofold" if after > before else "it shrinks"
    if after >= 2 * before:
        right = "it grows twofold or more"
    return Answer(right, (seen.token, seen.layer, before, after))


@answers("block.added")
def block_added(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    before = length(seen.hook("hook_resid_pre")[seen.token])
    added = length(seen.hook("hook_attn_out")[seen.token])
    right = length(after_attention(seen)[seen.token])
    return Answer(right, (seen.layer, seen.token, before, added))


@answers("block.norm")
def block_norm(seen: Seen, asked: Asked) -> Answer:
    """One number that the heads read: centred, divided, and what was learned."""
    seen = seen.asked_at(asked.text)
    norm, stream = seen.model.blocks[seen.layer].ln1, seen.hook("hook_resid_pre")
    x = stream[seen.token]
    centred = x - x.mean() if seen.config.norm == "layernorm" else x
    scale = float(np.sqrt((centred**2).mean() + norm.eps))
    at = int(np.abs(centred[:5]).argmax())
    said = [seen.layer, at, seen.token, centred[at], scale]
    right = centred[at] / scale
    if norm.weight is not None:
        factor = norm.weight[at].item()
        right, said = right * factor, [*said, factor]
    if getattr(norm, "bias", None) is not None:
        right, said = right + norm.bias[at].item(), [*said, norm.bias[at].item()]
    return Answer(right, (*said, at))


@answers("block.fired")
def block_fired(seen: Seen, asked: Asked) -> Answer:
    seen = seen.asked_at(asked.text)
    post = seen.hook("mlp.hook_post")[seen.token]
    fired = int((post > 0).sum())
    share = 100 * fired / len(post)
    return Answer(fired, (len(post), seen.layer, seen.token, fired, 0, share))


# Home: the last road.


def roads(seen: Seen) -> list[tuple[str, int, float]]:
    """Return name, block and length of everything that is added to the last road."""
    found = []
    for layer in range(seen.config.num_layers):
        for name, hook in (("attention", "hook_attn_out"), ("the MLP", "hook_mlp_out")):
            if f"blocks.{layer}.{hook}" in seen.cache:
                size = length(seen.hook(hook, layer)[-1])
                found.append((f"{name} of block {layer}", layer, size))
    return found


@answers("home.most_added")
def home_most_added(seen: Seen, asked: Asked) -> Answer:
    name, layer, size = max(roads(seen), key=lambda each: each[2])
    return Answer(name, (seen.last, layer, size))


@answers("home.sum")
def home_sum(seen: Seen, asked: Asked) -> Answer:
    stream = seen.hook("hook_resid_pre", 0)[-1]
    added = seen.hook("hook_attn_out", 0)[-1]
    said = (seen.last, length(stream), 0, length(added))
    return Answer(length(stream + added), said)


@answers("home.who_predicts")
def home_who_predicts(seen: Seen, asked: Asked) -> Answer:
    return Answer("a token that is not in the text yet", (seen.last,))


@answers("home.goes_on")
def home_goes_on(seen: Seen, asked: Asked) -> Answer:
    old, added = np.array([float(n) for n in numbers_in(asked.text)]).reshape(2, 2)
    return Answer(float((old + added)[0]), (*old, *added))


# Head explorer: habits, on the prompt and on random tokens.


def habit_scores(pattern: np.ndarray, tokens: list[int]) -> dict[str, float]:
    """Score one head's pattern, as the glossary defines the habits."""
    count = len(tokens)
    kept: dict[str, list[float]] = {name: [] for name in HABITS}
    for query in range(1, count):
        weights = pattern[query]
        earlier = [key for key in range(query) if tokens[key] == tokens[query]]
        followed = [key + 1 for key in earlier if key + 1 < query]
        kept["previous_token"].append(weights[query - 1])
        kept["self_token"].append(weights[query])
        if query > 1:
            kept["first_token"].append(weights[0])
        if earlier:
            kept["duplicate_token"].append(weights[earlier].sum())
        if followed:
            kept["induction"].append(weights[followed].sum())
    return {name: float(np.mean(each)) for name, each in kept.items() if each}


def queries_of(seen: Seen, habit: str) -> int:
    """How many queries a habit's mean is over, as the prompt alone decides."""
    count, tokens = len(seen.tokens), seen.tokens
    again = [
        query
        for query in range(1, count)
        if tokens[query] in tokens[: query - (habit == "induction")]
    ]
    return {
        "previous_token": count - 1,
        "self_token": count - 1,
        "first_token": count - 2,
    }.get(habit, len(again))


def strongest_habit(seen: Seen) -> tuple[str, float]:
    scores = habit_scores(seen.attn("pattern")[seen.head], seen.tokens)
    shown = {name: scores[name] for name in scores if queries_of(seen, name) >= 3}
    name = max(shown, key=shown.__getitem__)
    return name, shown[name]


def held_out_habit(seen: Seen) -> tuple[float, ...]:
    """What a head's sentence prints: the habit that it names, measured once more."""
    (said,) = (each.value for each in seen.app.caption if "95% interval:" in each.value)
    rare = r"(?:, where there is one \(\d+% of queries\))?"
    words = re.search(rf"of its weight on (.*?){rare}, in 64 windows", said)[1]
    (habit,) = (name for name, what in ALL_HABITS.items() if what == words)
    _, tokenizer, metadata = seen.checkpoint
    length = min(64, seen.config.max_seq_len)
    windows = held_out(metadata, tokenizer, length, 64).windows
    mask = text_habits(tokenizer, windows).cells[habit]
    queries = mask.any(-1).sum(-1)
    sums = weight_by_window(seen.model, windows, mask)[:, seen.layer, seen.head]
    drawn = np.random.default_rng(0).multinomial(64, [1 / 64] * 64, size=1000)
    edges = np.quantile((drawn @ sums) / (drawn @ queries), [0.025, 0.975])
    fresh = np.stack(
        [
            weight_by_window(*untrained_model(seen.config, windows, seed), mask).sum(0)
            for seed in range(6)
        ]
    )[:, seen.layer]  # [seed head]
    fresh /= queries.sum()
    mean = fresh.mean(0)[seen.head]
    spread = float(np.sqrt(fresh.var(0, ddof=1).mean()))
    band = max(0.0, mean - 2 * spread), mean + 2 * spread
    here = text_habits(tokenizer, np.array([seen.tokens])).cells.get(habit)
    own: tuple[float, ...] = ()
    if here is not None:
        cells = seen.attn("pattern")[seen.head] * here[0]
        own = (float(cells.sum() / here.any(-1).sum()),)
    shown = [float(each) for each in numbers_in(words)]
    share = queries.sum() / (64 * (length - 1))
    shown += [100 * share] if share <= 0.9 else []
    score = float(sums.sum() / queries.sum())
    return (score, *shown, 64, 95, *edges, *band, *own)


def weight_by_window(model, windows: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Add up every head's weight on some cells, [window layer head]."""
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            torch.tensor(windows), names_filter=lambda name: "pattern" in name
        )
    patterns = torch.stack(list(cache.values()), 1).double().numpy()
    return np.einsum("wlhqk,wqk->wlh", patterns, mask)


def habits_of(seen: Seen) -> HabitCells:
    """The habits of the held-out text of the pages."""
    _, tokenizer, metadata = seen.checkpoint
    length = min(64, seen.config.max_seq_len)
    return text_habits(tokenizer, held_out(metadata, tokenizer, length, 64).windows)


def unmeasured(seen: Seen) -> tuple[float, ...]:
    """The numbers in the reasons why habits are not measured."""
    (said,) = (each.value for each in seen.app.caption if "Not measured" in each.value)
    missing = habits_of(seen).missing
    reasons = sorted(set(missing.values()), key=said.index)
    assert all(ALL_HABITS[name] in said for name in missing)
    return tuple(float(n) for n in numbers_in(" ".join(reasons)))


def random_windows(seen: Seen) -> np.ndarray:
    vocabulary = familiar_tokens(seen.checkpoint.tokenizer, seen.windows)
    return repeated_tokens(vocabulary, seen.config.max_seq_len)


def previous_on_random(seen: Seen) -> dict[str, float]:
    """Every head's weight on the token before, on random tokens said twice."""
    heads: dict[str, list[float]] = {}
    for window in random_windows(seen).tolist():
        cache = cache_of(seen.model, window)
        for layer in range(seen.config.num_layers):
            for head, pattern in enumerate(cache[f"blocks.{layer}.attn.hook_pattern"]):
                heads.setdefault(f"L{layer}H{head}", []).append(
                    float(np.diagonal(pattern, -1).mean())
                )
    return {name: float(np.mean(each)) for name, each in heads.items()}


@answers("head_explorer.most")
def head_most(seen: Seen, asked: Asked) -> Answer:
    (name,) = (name for name, what in HABITS.items() if f"on {what}?" in asked.text)
    weights = {
        f"L{layer}H{head}": habit_scores(pattern, seen.tokens)[name]
        for layer in range(seen.config.num_layers)
        for head, pattern in enumerate(seen.attn("pattern", layer))
    }
    best = max(weights, key=weights.__getitem__)
    return Answer(best, (weights[best],))


@answers("head_explorer.reads")
def head_reads(seen: Seen, asked: Asked) -> Answer:
    (name,) = (name for name, what in HABITS.items() if f"reads {what}," in asked.text)
    query = int(re.search(r"does \*\*(\d+) ", asked.text)[1])
    token = seen.tokens[query]
    before = [key for key in range(query) if seen.tokens[key] == token]
    key = {
        "previous_token": query - 1,
        "induction": before[-1] + 1 if before else None,
        "duplicate_token": before[-1] if before else None,
        "first_token": 0,
        "self_token": query,
    }[name]
    return Answer(seen.placed(key), (query, query, key))


@answers("head_explorer.band")
def head_band(seen: Seen, asked: Asked) -> Answer:
    name, score = strongest_habit(seen)
    assert HABITS[name] in asked.text
    band = null_band(seen.config, np.array([seen.tokens]))
    mean, spread = (
        float(getattr(each, name)[seen.layer, seen.head])
        for each in (band.mean, band.deviation)
    )
    low, high = max(0.0, mean - 2 * spread), mean + 2 * spread
    right = "They put less there" if score > high else "About as much"
    right = "They put more there" if score < low else right
    return Answer(right, (score, queries_of(seen, name), low, high))


@answers("head_explorer.elsewhere")
def head_elsewhere(seen: Seen, asked: Asked) -> Answer:
    name, here = strongest_habit(seen)
    assert HABITS[name] in asked.text
    scores = []
    for window in random_windows(seen).tolist():
        cache = cache_of(seen.model, window)
        pattern = cache[f"blocks.{seen.layer}.attn.hook_pattern"][seen.head]
        scores.append(habit_scores(pattern, window)[name])
    there = float(np.mean(scores))
    change = there - here
    right = "About as much"
    if abs(change) > 0.1:
        right = "More, by over 0.1" if change > 0 else "Less, by over 0.1"
    return Answer(right, (here, queries_of(seen, name), here, there))


@answers("head_explorer.cost")
def head_cost(seen: Seen, asked: Asked) -> Answer:
    layer = int(re.search(r"layer (\d+)", asked.text)[1])
    tokens = tokens_of(seen, asked)
    whole = logits_of(seen.model, tokens)[-1]
    costs = {
        f"L{layer}H{head}": divergence(
            whole,
            logits_of(seen.model, tokens, [without_head(layer, head)])[-1],
        )
        for head in range(seen.config.num_heads)
    }
    best, second = sorted(costs, key=lambda name: -costs[name])[:2]
    return Answer(best, (layer, costs[best], costs[second]))
