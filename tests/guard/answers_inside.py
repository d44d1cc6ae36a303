"""The answers of the lens, Intervene and Compare, from the hooks and with own cuts."""

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from guard.answers import answers
from guard.answers_attention import (
    habit_scores,
    previous_on_random,
    random_windows,
    tokens_of,
)
from guard.printed import Answer
from guard.screen import Asked
from guard.seen import (
    Seen,
    cache_of,
    divergence,
    logits_of,
    losses_over,
    softmax,
    without_head,
)

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.corpora import divided
from minigpt.interpret.stream.tuned_lens import tune_lens

# The lens: the final norm and the unembedding over the stream at every point.


def unembedding(seen: Seen) -> np.ndarray:
    tied = seen.config.tie_embeddings
    table = seen.model.token_embedding if tied else seen.model.head
    return table.weight.detach().double().numpy()


def points(seen: Seen) -> dict[str, np.ndarray]:
    """The stream by what was added last."""
    found = {"embedding": seen.hook("hook_resid_pre", 0)}
    for layer in range(seen.config.num_layers):
        if f"blocks.{layer}.hook_resid_mid" in seen.cache:
            found[f"L{layer} attention"] = seen.hook("hook_resid_mid", layer)
            found[f"L{layer} MLP"] = seen.hook("hook_resid_post", layer)
        else:
            found[f"L{layer} attention"] = seen.hook("hook_resid_post", layer)
    return found


def lens(seen: Seen) -> dict[str, np.ndarray]:
    """The lens's logits after the chosen token, by point."""
    norm, table = seen.model.ln_final, unembedding(seen)
    found = {}
    for name, stream in points(seen).items():
        x = stream[seen.token]
        centred = x - x.mean() if seen.config.norm == "layernorm" else x
        out = centred / np.sqrt((centred**2).mean() + norm.eps)
        out = out * norm.weight.detach().double().numpy()
        if getattr(norm, "bias", None) is not None:
            out = out + norm.bias.detach().double().numpy()
        found[name] = table @ out
    return found


def pair(seen: Seen) -> tuple[int, int]:
    """A and B: where nobody chose, the two likeliest."""
    first, second = np.argsort(-seen.cache["logits"][seen.token], kind="stable")[:2]
    return int(first), int(second)


def gaps(seen: Seen) -> dict[str, float]:
    a, b = pair(seen)
    return {name: float(logits[a] - logits[b]) for name, logits in lens(seen).items()}


def shares(seen: Seen) -> dict[str, float]:
    """What every part adds to logit(A) − logit(B), the final norm's scale held."""
    a, b = pair(seen)
    table = unembedding(seen)
    found = written(seen, (table[a] - table[b])[:, None])
    return {name: float(share[0]) for name, share in found.items()}


def written(seen: Seen, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What every part adds along some rows of the unembedding, [d_model row]."""
    norm = seen.model.ln_final
    at, final = seen.token, list(points(seen).values())[-1][seen.token]
    centres = seen.config.norm == "layernorm"
    centred = final - final.mean() if centres else final
    scale = np.sqrt((centred**2).mean() + norm.eps)
    weight = norm.weight.detach().double().numpy()

    def share(vector: np.ndarray) -> np.ndarray:
        x = vector - vector.mean() if centres else vector
        return (x / scale * weight) @ rows

    found = {"embedding": share(seen.cache["hook_embed"][at])}
    if "hook_pos_embed" in seen.cache:
        found["position"] = share(seen.cache["hook_pos_embed"][at])
    for layer, block in enumerate(seen.model.blocks):
        output = block.attn.output
        z = seen.attn("z", layer)[at]
        slices = output.weight.detach().double().numpy().reshape(-1, *z.shape)
        for head in range(len(z)):
            found[f"L{layer}H{head}"] = share(slices[:, head] @ z[head])
        if output.bias is not None:
            found[f"L{layer} bias"] = share(output.bias.detach().double().numpy())
        if block.has_mlp:
            found[f"L{layer} MLP"] = share(seen.hook("hook_mlp_out", layer)[at])
    if getattr(norm, "bias", None) is not None:
        found["norm bias"] = norm.bias.detach().double().numpy() @ rows
    return found


def first_for_good(holds: list[bool]) -> int:
    """Return the first place from which something holds to the end."""
    return next(n for n in range(len(holds)) if all(holds[n:]))


@answers("logit_lens.settles")
def lens_settles(seen: Seen, asked: Asked) -> Answer:
    tops = {name: int(logits.argmax()) for name, logits in lens(seen).items()}
    last = list(tops.values())[-1]
    place = first_for_good([top == last for top in tops.values()])
    name = list(tops)[place]
    if name == "embedding":
        return Answer("embedding", (seen.token,))
    layer = int(name[1 : name.index(" ")])
    for option in asked.options[1:]:
        first, _, end = option.replace("L", "").partition("–")
        if int(first) <= layer <= int(end or first):
            return Answer(option, (seen.token,))
    raise AssertionError(f"no option has layer {layer}")


@answers("logit_lens.first")
def lens_first(seen: Seen, asked: Asked) -> Answer:
    first = int(next(iter(lens(seen).values())).argmax())
    return Answer(seen.piece(first), (seen.token,))


@answers("logit_lens.overtakes")
def lens_overtakes(seen: Seen, asked: Asked) -> Answer:
    found = gaps(seen)
    place = first_for_good([gap > 0 for gap in found.values()])
    return Answer(list(found)[place], (seen.token,))


@answers("logit_lens.largest")
def lens_largest(seen: Seen, asked: Asked) -> Answer:
    found = shares(seen)
    best = max(found, key=found.__getitem__)
    return Answer(best, (seen.token, found[best]))


@answers("logit_lens.total")
def lens_total(seen: Seen, asked: Asked) -> Answer:
    logits = seen.cache["logits"][seen.token]
    return Answer(
        sum(shares(seen).values()), (seen.token, *(logits[each] for each in pair(seen)))
    )


# Intervene: one head set to zero, one value carried over.


@cache
def _costs(model: object, tokens: tuple[int, ...]) -> dict[str, float]:
    whole = logits_of(model, tokens)[-1]
    return {
        f"L{layer}H{head}": divergence(
            whole, logits_of(model, tokens, [without_head(layer, head)])[-1]
        )
        for layer in range(model.config.num_layers)
        for head in range(model.config.num_heads)
    }


def ranked(seen: Seen) -> list[tuple[str, float]]:
    """The heads by what setting each to zero does to the next token."""
    costs = _costs(seen.model, tuple(seen.tokens))
    return sorted(costs.items(), key=lambda each: -each[1])


def place_of(name: str) -> tuple[int, int]:
    layer, head = name[1:].split("H")
    return int(layer), int(head)


def rises(seen: Seen, *names: str) -> float:
    """How much the loss of held-out text rises without some heads."""
    cuts = [without_head(*place_of(name)) for name in names]
    whole = losses_over(seen.model, seen.windows)
    return losses_over(seen.model, seen.windows, cuts) - whole


@cache
def lens_distances(path: Path) -> tuple[int, dict[str, tuple[float, float]]]:
    """Train a tuned lens anew; return its windows, and both lenses' KL by point."""
    model, tokenizer, metadata = load_checkpoint(path)
    length = min(64, model.config.max_seq_len)
    text = divided(metadata, tokenizer, length, (128, 32))
    lens = tune_lens(model, text.fitted)
    names = [f"blocks.{n}.hook_resid_pre" for n in range(model.config.num_layers)]
    names.append(f"blocks.{len(names) - 1}.hook_resid_post")
    sums = np.zeros((len(names), 2))
    for window in text.unseen.tolist():
        found = cache_of(model, window)
        output = found["logits"]
        for point, name in enumerate(names):
            stream = torch.from_numpy(found[name]).float()
            with torch.inference_mode():
                for which, h in enumerate((stream, lens.translated(point, stream))):
                    said = model.unembed(model.ln_final(h[None]))[0].double().numpy()
                    pairs = zip(output, said, strict=True)
                    sums[point, which] += sum(divergence(*pair) for pair in pairs)
    points = ["embedding", *(f"L{n} attention" for n in range(len(names) - 1))]
    means = (sums / text.unseen.size).tolist()
    return len(text.unseen), dict(zip(points, means, strict=True))


@answers("logit_lens.tuned_nearer")
def tuned_nearer(seen: Seen, asked: Asked) -> Answer:
    _, found = lens_distances(seen.path)
    raw, tuned = found[re.search(r"after \*\*(.*?)\*\*", asked.text)[1]]
    right = "nearer, but more than half as far"
    if tuned >= raw:
        right = "no nearer"
    elif tuned < raw / 2:
        right = "less than half as far"
    return Answer(right, (raw, tuned, raw))


@answers("intervene.which_head")
def which_head(seen: Seen, asked: Asked) -> Answer:
    costs = _costs(seen.model, tuple(tokens_of(seen, asked)))
    layer = re.search(r"of layer (\d+)", asked.text)
    start = f"L{layer[1]}H" if layer else "L"
    some = [
        costs[name]
        for name in sorted(costs, key=lambda name: -costs[name])
        if name.startswith(start)
    ]
    best = max(
        (name for name in costs if name.startswith(start)), key=costs.__getitem__
    )
    named = (int(layer[1]),) if layer else ()
    return Answer(best, (*named, some[0], some[1]))


@answers("intervene.next_token")
def next_token(seen: Seen, asked: Asked) -> Answer:
    head = re.search(r"Set (L\d+H\d+) to zero", asked.text)[1]
    tokens = tokens_of(seen, asked)
    whole = logits_of(seen.model, tokens)[-1]
    cut = without_head(*place_of(head))
    after = logits_of(seen.model, tokens, [cut])[-1]
    best = int(after.argmax())
    return Answer(seen.piece(best), (softmax(after)[best], divergence(whole, after)))


@answers("intervene.side_effect")
def side_effect(seen: Seen, asked: Asked) -> Answer:
    cut, watched = re.findall(r"L\d+H\d+", asked.text)
    label = re.search(r"does the (.*?) score", asked.text)[1]
    before, after = (
        score_on_random(seen, watched, label.replace(" ", "_"), hooks)
        for hooks in ([], [without_head(*place_of(cut))])
    )
    change = abs(after - before)
    right = "By less than 0.1" if change < 0.1 else "By more than 0.1"
    return Answer("Not at all" if change < 1e-6 else right, (before, after))


def score_on_random(seen: Seen, name: str, habit: str, hooks: list[Any]) -> float:
    """One head's habit on random tokens said twice, under hooks."""
    layer, head = place_of(name)
    hook = f"blocks.{layer}.attn.hook_pattern"
    scores = []
    for window in random_windows(seen).tolist():
        with seen.model.hooks(hooks):
            pattern = cache_of(seen.model, window)[hook][head]
        scores.append(habit_scores(pattern, window)[habit])
    return float(np.mean(scores))


@answers("intervene.mean")
def mean_of(seen: Seen, asked: Asked) -> Answer:
    head = re.search(r"(L\d+H\d+), set to zero", asked.text)[1]
    tokens = tokens_of(seen, asked)
    layer, number = place_of(head)
    name = f"blocks.{layer}.attn.hook_z"
    own = [cache_of(seen.model, window)[name] for window in seen.windows.tolist()]
    mean = torch.from_numpy(np.concatenate(own).mean(0)[number])

    def to_the_mean(z, hook):
        z = z.clone()
        z[:, :, number] = mean.to(z.dtype)
        return z

    whole, zero, changed = (
        logits_of(seen.model, tokens, hooks)[-1]
        for hooks in ([], [without_head(layer, number)], [(name, to_the_mean)])
    )
    kl, other = divergence(whole, zero), divergence(whole, changed)
    right = "Even more" if other > kl else "More than half as much"
    return Answer("Less than half as much" if other < kl / 2 else right, (kl, other))


@answers("intervene.pair")
def cut_pair(seen: Seen, asked: Asked) -> Answer:
    one, other = re.search(r"(L\d+H\d+) and (L\d+H\d+)", asked.text).groups()
    assert "set to zero" in asked.text
    first, second, both = rises(seen, one), rises(seen, other), rises(seen, one, other)
    kind = "more" if both > first + second else "less"
    return Answer(f"{kind} than with each alone, added", (first, second, both))


def prompts(seen: Seen) -> tuple[list[int], list[int]]:
    """The clean and the corrupted prompt."""
    encode = seen.checkpoint.tokenizer.encode
    clean, corrupted = (
        encode(seen.app.text_input(key=key).value) for key in ("clean", "corrupted")
    )
    return clean, corrupted


def telling(seen: Seen) -> tuple[int, int]:
    """The token that the clean prompt expects more, and the reverse."""
    before, after = (softmax(logits_of(seen.model, p)[-1]) for p in prompts(seen))
    return int((after - before).argmin()), int((after - before).argmax())


def moved(seen: Seen, hook: str, axis: int, layer: int, place: int) -> float:
    """How far one clean value, put into the corrupted run, moves the answer."""
    texts = tuple(tuple(text) for text in prompts(seen))
    name = f"blocks.{layer}.{hook}"
    return _moved(seen.model, texts, telling(seen), name, axis, place)


@cache
def _moved(
    model: Any,
    texts: tuple[tuple[int, ...], ...],
    answers: tuple[int, int],
    name: str,
    axis: int,
    place: int,
) -> float:
    clean, run = texts
    value = torch.from_numpy(cache_of(model, clean)[name])

    def carry(own, hook):
        own = own.clone()
        here = (0, *[slice(None)] * (axis - 1), place)
        own[here] = value[here[1:]].to(own.dtype)
        return own

    def gap(logits: np.ndarray) -> float:
        return float(logits[-1][answers[0]] - logits[-1][answers[1]])

    start, end = (gap(logits_of(model, each)) for each in (run, clean))
    return (gap(logits_of(model, run, [(name, carry)])) - start) / (end - start)


def said_of_patch(seen: Seen, layer: int, place: int) -> tuple[float, ...]:
    """The numbers in the sentence about one patch of the residual stream."""
    clean, run = prompts(seen)
    answer, rival = telling(seen)
    name = f"blocks.{layer}.hook_resid_pre"
    value = torch.from_numpy(cache_of(seen.model, clean)[name])

    def carry(own, hook):
        own = own.clone()
        own[0, place] = value[place].to(own.dtype)
        return own

    before, after = (
        softmax(logits_of(seen.model, run, hooks)[-1])
        for hooks in ([], [(name, carry)])
    )
    start, end = (
        float(logits[answer] - logits[rival])
        for logits in (logits_of(seen.model, each)[-1] for each in (run, clean))
    )
    share = moved(seen, "hook_resid_pre", 1, layer, place)
    probabilities = (before[answer], after[answer], before[rival], after[rival])
    return (place, layer, *probabilities, share, start, end)


def paired(seen: Seen) -> list[str]:
    clean, corrupted = prompts(seen)
    return [
        f"{n} {seen.piece(a)}" + (f"|{seen.piece(b)}" if a != b else "")
        for n, (a, b) in enumerate(zip(clean, corrupted, strict=True))
    ]


def layer_in(asked: Asked) -> int:
    return int(re.search(r"layer (\d+)", asked.text)[1])


@answers("intervene.where")
def where_in_layer(seen: Seen, asked: Asked) -> Answer:
    layer, names = layer_in(asked), paired(seen)
    shares = [moved(seen, "hook_resid_pre", 1, layer, n) for n in range(len(names))]
    best = int(np.abs(shares).argmax())
    return Answer(names[best], (layer, abs(shares[best])))


@answers("intervene.unchanged")
def unchanged(seen: Seen, asked: Asked) -> Answer:
    place = int(re.search(r"at \*\*(\d+) ", asked.text)[1])
    share = moved(seen, "hook_resid_pre", 1, 0, place)
    words = ("Not at all", "Half of the way", "All the way")
    return Answer(words[round(2 * share)], (place, 0, share, 0))


@answers("intervene.share")
def share_moved(seen: Seen, asked: Asked) -> Answer:
    layer, (answer, rival) = layer_in(asked), telling(seen)
    clean, run = prompts(seen)
    start, end = (
        float(logits[answer] - logits[rival])
        for logits in (logits_of(seen.model, each)[-1] for each in (run, clean))
    )
    shares = [moved(seen, "hook_resid_pre", 1, layer, n) for n in range(len(run))]
    share = shares[int(np.abs(np.array(shares) - 0.4).argmin())]
    patched = start + share * (end - start)
    return Answer(share, (start, end, patched, layer, patched - start, end - start))


@answers("intervene.strongest_z")
def strongest_z(seen: Seen, asked: Asked) -> Answer:
    layer = layer_in(asked)
    shares = {
        f"L{layer}H{head}": moved(seen, "attn.hook_z", 2, layer, head)
        for head in range(seen.config.num_heads)
    }
    best = max(shares, key=lambda name: abs(shares[name]))
    return Answer(best, (layer, abs(shares[best])))


def every_rise(seen: Seen) -> dict[str, float]:
    return {name: rises(seen, name) for name, _ in ranked(seen)}


@answers("intervene.needed")
def needed(seen: Seen, asked: Asked) -> Answer:
    found = every_rise(seen)
    best, second = sorted(found, key=lambda name: -found[name])[:2]
    return Answer(best, (found[best], found[second]))


@answers("intervene.sharper")
def sharper(seen: Seen, asked: Asked) -> Answer:
    weights, found = previous_on_random(seen), every_rise(seen)
    one, other = asked.options
    best, second = sorted(asked.options, key=lambda name: -found[name])
    said = (weights[one], weights[other], found[best], found[second])
    return Answer(best, said)


@answers("intervene.cost")
def cost_of(seen: Seen, asked: Asked) -> Answer:
    head = re.search(r"ablating (L\d+H\d+) cost", asked.text)[1]
    rise = every_rise(seen)[head]
    return Answer(rise, (rise,))


# Compare: the same text in two checkpoints of one training, a token a piece.


def changes(seen: Seen) -> np.ndarray:
    """Loss now minus loss before, of every token but the first."""
    from minigpt.checkpoint import load_checkpoint

    before = load_checkpoint(seen.path.parent / "checkpoint_step_0").model
    ids = np.array(seen.tokens[1:])
    losses = []
    for model in (before, seen.model):
        p = softmax(logits_of(model, seen.tokens)[:-1])
        losses.append(-np.log(p[np.arange(len(ids)), ids]))
    return losses[1] - losses[0]


@answers("compare.worse")
def compare_worse(seen: Seen, asked: Asked) -> Answer:
    change = changes(seen)
    worse, count = int((change > 0).sum()), len(change)
    said = (*steps_of(seen), abs(change.mean()), count, worse, count)
    return Answer(str(worse), said)


def steps_of(seen: Seen) -> tuple[int, int]:
    return 0, seen.checkpoint.metadata.step


@answers("compare.factor")
def compare_factor(seen: Seen, asked: Asked) -> Answer:
    change = changes(seen)
    sizes = np.where(np.abs(change) <= 3, np.abs(change), 0)
    place = int(sizes.argmax())
    value = change[place]
    factor = math.exp(-value)
    said = (*steps_of(seen), place + 1, value, -value, factor)
    return Answer(f"{factor:.3f}", said)


@answers("compare.largest")
def compare_largest(seen: Seen, asked: Asked) -> Answer:
    change = changes(seen)
    place = int(np.abs(change).argmax())
    said = (*steps_of(seen), place + 1, change[place])
    return Answer(seen.placed(place + 1), said)


@answers("compare.orange")
def compare_orange(seen: Seen, asked: Asked) -> Answer:
    change = changes(seen)
    place = int(change.argmax())
    assert change[place] > 0
    offered = [seen.placed(each + 1) in asked.options for each in range(len(change))]
    others = [change[each] for each in np.flatnonzero(offered) if each != place]
    assert all(value < 0 for value in others)
    said = (*steps_of(seen), place + 1, change[place])
    return Answer(seen.placed(place + 1), said)


@answers("compare.removed")
def compare_removed(seen: Seen, asked: Asked) -> Answer:
    change = changes(seen)
    best, count, mean = int(change.argmin()), len(change), change.mean()
    rest = np.delete(change, best).mean()
    given = (*steps_of(seen), count, mean, best + 1, change[best])
    return Answer(f"{rest:+.3f}", (*given, count, mean, change[best], count - 1, rest))
