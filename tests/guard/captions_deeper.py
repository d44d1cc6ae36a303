"""The texts with numbers of Steer, Paths, Neurons, Circuit and Rounding."""

import numpy as np
from guard import deeper
from guard.answers_inside import prompts, telling
from guard.captions import CHANGES, Number, claims, constant
from guard.seen import Seen, logits_of, losses_over, softmax

from minigpt.interpret.circuits.frozen import freeze
from minigpt.interpret.circuits.keeping import Asked
from minigpt.interpret.circuits.nodes import mean_values

CHANGES["Steer"] = deeper.steered
CHANGES["Neurons"] = deeper.without_neuron

constant("intervene", "^A \\*\\*direction\\*\\* in the residual stream", 0)
constant("intervene", "^Patching a head's z changes everything", 1, 0)
constant("intervene", "strongest examples\\*\\*$", 4)
constant("intervene", "tokens drawn at random\\*\\*, not selected", 4)
constant("compare", "A \\*\\*grid\\*\\* is a row of equally spaced", 8, 256, 4, 16)
constant("compare", "^Each weight is divided by the scale of its grid", 1)


@claims("intervene", "^Seed 0, both texts: ")
def alike(seen: Seen, nth: int) -> tuple[Number, ...]:
    count = deeper.alike_for(seen, 60, 0.8, 0)
    return (0, count) if count > 1 else (0,)


@claims("intervene", "the strongest path")
def strongest_path(seen: Seen, nth: int) -> tuple[Number, ...]:
    """The path between two heads that moves the answer farthest, if it does at all."""
    found = deeper.shares_of_paths(seen)
    best = max(
        (path for path in found if path.receiver), key=lambda path: abs(found[path])
    )
    if abs(found[best]) < 0.02:
        best = max(found, key=lambda path: abs(found[path]))
    (words,) = (each.value for each in seen.app.markdown if "strongest" in each.value)
    assert words.replace("\\", "").startswith(f"**{best.name}**")
    before = softmax(logits_of(seen.model, prompts(seen)[1])[-1])
    after = softmax(deeper.patched(seen, best)[-1])
    changed = [p[token] for token in telling(seen) for p in (before, after)]
    return (found[best], *changed)


@claims("intervene", "^A row writes, a column reads")
def shared_by(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (seen.config.num_heads // seen.config.kv_heads,)


@claims("intervene", "^Held-out loss, nats per token")
def loss_without(seen: Seen, nth: int) -> tuple[Number, ...]:
    after = losses_over(seen.model, seen.windows, [deeper.without_neuron(seen)])
    return (after, after - losses_over(seen.model, seen.windows))


@claims("intervene", "The number is the activation at the framed token")
def fired(seen: Seen, nth: int) -> tuple[Number, ...]:
    *corpus, percent = deeper.firing(seen)
    return (*corpus, 0, 0, percent)


def kept_nodes(seen: Seen) -> np.ndarray:
    """Return the nodes of the circuit that is drawn, [part pos]."""
    return np.array(seen.app.session_state["_recipes"]["circuit"].drawn)


def pair_of(seen: Seen) -> tuple[tuple[int, int], float]:
    """Return answer and rival, and how far apart they are."""
    pair = deeper.asked(seen, kept_nodes(seen).shape)
    return pair, deeper.gap_of(seen.cache["logits"], pair)


@claims("intervene", "^Why .*, and not ")
def circuit(seen: Seen, nth: int) -> tuple[Number, ...]:
    """What is drawn keeps the difference, none of it can go, and the proof is so."""
    kept = kept_nodes(seen)
    pair, whole = pair_of(seen)
    size, dice = int(kept.sum()), np.random.default_rng(0)
    drawn = [dice.permutation(kept.ravel()).reshape(kept.shape) for _ in range(20)]
    sets = np.array([kept, np.zeros_like(kept), ~kept, *drawn])
    alone, nothing, without, *chance = deeper.differences(seen, sets, pair) / whole
    fewer = np.repeat(kept[None], size, 0)
    fewer[(np.arange(size), *np.nonzero(kept))] = False
    assert 0.9 <= alone <= 1.1
    smaller = deeper.differences(seen, fewer, pair) / whole
    assert not ((smaller >= 0.9) & (smaller <= 1.1)).any()
    (table,) = (each.value for each in seen.app.dataframe if "kept" in each.value)
    shares = (1.0, alone, float(np.median(chance)), nothing, without)
    shown = [each.replace("−", "-") for each in table.iloc[:, 1]]
    assert shown == [f"{100 * share:.0f}%" for share in shares]
    return (size, kept.size, 100 * size / kept.size, 100 * alone, whole)


@claims("intervene", "^\\*\\*On this prompt\\*\\*, ")
def removals(seen: Seen, nth: int) -> tuple[Number, ...]:
    """Remove each node anew; what was predicted is the frozen run's, tested apart."""
    pair, whole = pair_of(seen)
    means = mean_values(seen.model, seen.windows)
    effects = freeze(seen.model, Asked(tuple(seen.tokens), *pair), means).effects
    predicted = effects.double().numpy().ravel()
    order = np.argsort(-np.abs(predicted), kind="stable")[:256]
    kept = np.ones((len(order), len(predicted)), dtype=bool)
    kept[np.arange(len(order)), order] = False
    left = deeper.differences(seen, kept.reshape(-1, *effects.shape), pair)
    return (len(order), np.corrcoef(predicted[order], whole - left)[0, 1])


@claims("intervene", "^These nodes are enough, but not needed")
def not_needed(seen: Seen, nth: int) -> tuple[Number, ...]:
    pair, whole = pair_of(seen)
    left = deeper.differences(seen, ~kept_nodes(seen)[None], pair)[0]
    assert left > whole / 2
    return (100 * left / whole,)


@claims("compare", "^\\*\\*What rounding costs")
def rounded_model(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (seen.checkpoint.metadata.step,)


@claims("compare", "points are used\\.$")
def points_used(seen: Seen, nth: int) -> tuple[Number, ...]:
    """Of the 15 points −7 … 7, those that any row has a weight at."""
    weight = deeper.shown_matrix(seen)
    used = {q for row in weight for q in deeper.rounded_row(row)[1]}
    assert used <= set(range(-7, 8))
    return (*weight.shape, len(used), 15)


@claims("compare", "^Row 0: scale s = ")
def first_row(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (0, deeper.rounded_row(deeper.shown_matrix(seen)[0])[0])
