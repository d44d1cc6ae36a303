"""The answers of Steer, Paths, Neurons, Circuit and Many prompts, by own hooks."""

import re

import numpy as np
from guard import captions_pairs as pairs
from guard import deeper
from guard.answers import answers
from guard.answers_attention import tokens_of
from guard.answers_inside import unembedding
from guard.captions_deeper import kept_nodes, pair_of
from guard.deeper import OwnPath
from guard.printed import Answer, numbers_in, plain_text
from guard.screen import Asked
from guard.seen import Seen, divergence, logits_of, softmax

# Steer.


def steered_logits(seen: Seen, asked: Asked, strength: float, name: str) -> np.ndarray:
    tokens = tokens_of(seen, asked)
    added = deeper.steered(seen, strength, name, tokens)
    return logits_of(seen.model, tokens, [added])[-1]


def steered_kl(seen: Seen, asked: Asked, strength: float, name: str) -> float:
    whole = logits_of(seen.model, tokens_of(seen, asked))[-1]
    return divergence(whole, steered_logits(seen, asked, strength, name))


def place_named(asked: Asked) -> str:
    return re.search(r"`(blocks\..*?)`", asked.text)[1]


@answers("intervene.twice")
def twice(seen: Seen, asked: Asked) -> Answer:
    strength = float(re.search(r"with strength ([\d.]+), it", asked.text)[1])
    once, double = (
        steered_kl(seen, asked, times * strength, place_named(asked))
        for times in (1, 2)
    )
    times = double / once
    assert not 0.9 < times / 2.5 < 1.1
    assert not 0.9 < times / 6 < 1.1
    right = (
        "about twice as much, or less"
        if times < 2.5
        else "about four times as much"
        if times < 6
        else "more than six times as much"
    )
    return Answer(right, (strength, once, 2 * strength, double, times))


@answers("intervene.steered_at")
def steered_at(seen: Seen, asked: Asked) -> Answer:
    strength = float(numbers_in(asked.text)[0])
    hooks = [
        name
        for name in seen.model.hook_points
        if re.search(r"hook_resid_(pre|mid)$", name)
        or name == f"blocks.{seen.config.num_layers - 1}.hook_resid_post"
    ]
    found = {name: steered_kl(seen, asked, strength, name) for name in hooks}
    first, second = sorted(found, key=lambda name: -found[name])[:2]
    return Answer(first, (strength, found[first], found[second]))


@answers("intervene.other_way")
def other_way(seen: Seen, asked: Asked) -> Answer:
    strength = float(re.search(r"strength −([\d.]+)\. What", asked.text)[1])
    whole = logits_of(seen.model, tokens_of(seen, asked))[-1]
    taken = steered_logits(seen, asked, -strength, place_named(asked))
    best = int(taken.argmax())
    said = (-strength, softmax(taken)[best], divergence(whole, taken))
    return Answer(seen.piece(best), said)


# Paths.

NAMED = re.compile(
    r"L(\d+)H(\d+) to the (?:logits|(queries|keys|values) of L(\d+)H(\d+))"
)


def read_paths(words: str) -> list[OwnPath]:
    """Return the paths that a text names."""
    return [
        OwnPath(
            (int(layer), int(head)),
            (int(to), int(group)) if through else None,
            through[:1] or "k",
        )
        for layer, head, through, to, group in NAMED.findall(words)
    ]


@answers("intervene.strongest_path")
def strongest_path(seen: Seen, asked: Asked) -> Answer:
    assert not asked.text.startswith("Clean:"), "of the prompts on the screen"
    found = {
        option: deeper.share_of(seen, *read_paths(option)) for option in asked.options
    }
    first, second = sorted(found, key=lambda option: -abs(found[option]))[:2]
    return Answer(first, (found[first], found[second]))


@answers("intervene.paths_together")
def paths_together(seen: Seen, asked: Asked) -> Answer:
    assert not asked.text.startswith("Clean:"), "of the prompts on the screen"
    both = read_paths(asked.text)
    alone = [deeper.share_of(seen, path) for path in both]
    together = deeper.share_of(seen, *both)
    over = together - sum(alone)
    right = "the sum, within 0.01"
    if abs(over) > 0.01:
        right = f"{'more' if over > 0 else 'less'} than the sum"
    return Answer(right, (*alone, together, sum(alone)))


@answers("intervene.path_through")
def path_through(seen: Seen, asked: Asked) -> Answer:
    assert not asked.text.startswith("Clean:"), "of the prompts on the screen"
    receiver, sender = (
        (int(layer), int(head))
        for layer, head in re.findall(r"L(\d+)H(\d+)", asked.text)
    )
    found = {
        plain_text(option): deeper.share_of(seen, OwnPath(sender, receiver, option[0]))
        for option in asked.options
    }
    return Answer(max(found, key=lambda each: abs(found[each])), tuple(found.values()))


# Neurons.


def neuron_named(asked: Asked) -> tuple[int, int]:
    layer, neuron = re.search(r"L(\d+)N(\d+)", asked.text).groups()
    return int(layer), int(neuron)


@answers("intervene.firing")
def firing(seen: Seen, asked: Asked) -> Answer:
    windows, length, percent = deeper.firing(seen, neuron_named(asked))
    right = asked.options[sum(percent > limit for limit in (10, 30, 50))]
    return Answer(right, (windows * length, 0, percent))


@answers("intervene.promotes")
def promotes(seen: Seen, asked: Asked) -> Answer:
    layer, neuron = neuron_named(asked)
    norm = seen.model.ln_final
    column = seen.model.blocks[layer].mlp.output.weight.detach().double().numpy()
    column = column[:, neuron]
    if seen.config.norm == "layernorm":
        column = column - column.mean()
    found = unembedding(seen) @ (column * norm.weight.detach().double().numpy())
    best, likeliest = int(found.argmax()), int(seen.cache["logits"][-1].argmax())
    return Answer(seen.piece(best), (found[best], found[likeliest]))


@answers("intervene.without_neuron")
def without_neuron(seen: Seen, asked: Asked) -> Answer:
    tokens = tokens_of(seen, asked)
    cut = deeper.without_neuron(seen, neuron_named(asked))
    whole, after = (logits_of(seen.model, tokens, hooks)[-1] for hooks in ([], [cut]))
    best = int(whole.argmax())
    p, q = (softmax(each)[best] for each in (whole, after))
    right = "it hardly changes (by less than 0.01)"
    if abs(q - p) > 0.01:
        right = "it falls" if q < p else "it rises"
    return Answer(right, (p, p, q))


# Circuit.


@answers("intervene.circuit_size")
def circuit_size(seen: Seen, asked: Asked) -> Answer:
    kept = kept_nodes(seen)
    pair, whole = pair_of(seen)
    share = deeper.differences(seen, kept[None], pair)[0] / whole
    size, count = int(kept.sum()), kept.size
    ends = [int(each * count) for each in (0.05, 0.15, 0.5)]
    right = asked.options[sum(size > end for end in ends)]
    return Answer(right, (count, 10, size, count, 100 * share))


@answers("intervene.circuit_last")
def circuit_last(seen: Seen, asked: Asked) -> Answer:
    kept = kept_nodes(seen)
    size, last = int(kept.sum()), int(kept[:, -1].sum())
    right = "all of them" if last == size else "at least half, not all"
    return Answer("less than half" if last < size / 2 else right, (last, size))


@answers("intervene.circuit_kind")
def circuit_kind(seen: Seen, asked: Asked) -> Answer:
    found = dict.fromkeys(("embeddings and positions", "attention heads", "MLPs"), 0)
    rows = kept_nodes(seen).sum(1).tolist()
    for name in deeper.sites(seen):
        is_heads = name.endswith("hook_z")
        kind = "attention heads" if is_heads else "MLPs"
        if "blocks" not in name:
            kind = "embeddings and positions"
        for _ in range(seen.config.num_heads if is_heads else 1):
            found[kind] += rows.pop(0)
    assert not rows
    best = max(found, key=found.__getitem__)
    return Answer(best, (found[best], sum(found.values())))


@answers("intervene.without_circuit")
def without_circuit(seen: Seen, asked: Asked) -> Answer:
    pair, whole = pair_of(seen)
    left = deeper.differences(seen, ~kept_nodes(seen)[None], pair)[0] / whole
    right = asked.options[0 if left <= 0 else 1 if left <= 0.5 else 2]
    return Answer(plain_text(right), (100 * left,))


# Many prompts.


def moved_by_heads(seen: Seen, side: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return what each head moves in every pair, in logits, and the ways."""
    own = pairs.pairs(seen)
    heads = np.ndindex(seen.config.num_layers, seen.config.num_heads)
    found = {
        "L{}H{}".format(*head): np.array([pair.moved(*head, side) for pair in own])
        for head in heads
    }
    return found, np.array([pair.gaps[0] - pair.gaps[1] for pair in own])


def side_of(asked: Asked) -> int:
    """Return which prompts are run: the clean ones are 0."""
    assert "patching the z of" in asked.text
    return 1 if "from the clean into" in asked.text else 0


@answers("intervene.on_average")
def on_average(seen: Seen, asked: Asked) -> Answer:
    moved, ways = moved_by_heads(seen, side_of(asked))
    row = re.search(r"most of the row (L\d+):", asked.text)
    some = [name for name in moved if name.startswith(row[1] if row else "L")]
    means = {name: moved[name].sum() / ways.sum() for name in some}
    first, second = sorted(some, key=lambda name: -abs(means[name]))[:2]
    number = int(re.search(r"In pair (\d+)", asked.text)[1])
    alone = max(some, key=lambda name: abs(moved[name][number - 1]))
    assert f"**{alone}**" in asked.text
    share = moved[alone][number - 1] / ways[number - 1]
    return Answer(first, (number, share, len(ways), means[first], means[second]))


def head_named(asked: Asked) -> str:
    return re.search(r"\*\*(L\d+H\d+)\*\*", asked.text)[1]


@answers("intervene.pairs_led")
def pairs_led(seen: Seen, asked: Asked) -> Answer:
    moved, ways = moved_by_heads(seen, side_of(asked))
    name, count = head_named(asked), len(ways)
    sizes = {each: abs(values) for each, values in moved.items()}
    led = sum(
        all(sizes[name][pair] >= other[pair] for other in sizes.values())
        for pair in range(count)
    )
    ranges = [tuple(map(int, numbers_in(option))) for option in asked.options]
    (place,) = (n for n, (low, high) in enumerate(ranges) if low <= led <= high)
    mean = moved[name].sum() / ways.sum()
    return Answer(asked.options[place], (count, mean, led, count))


@answers("intervene.sign_is_sure")
def sign_is_sure(seen: Seen, asked: Asked) -> Answer:
    moved, ways = moved_by_heads(seen, side_of(asked))
    values = moved[head_named(asked)]
    low, high = pairs.interval(values, ways)
    right = plain_text(asked.options[1 if low > 0 or high < 0 else 0])
    said = (len(ways), values.sum() / ways.sum(), 95, low, high)
    return Answer(right, said)
