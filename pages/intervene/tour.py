"""Intervene's tour: a part is switched off, and everything that this changes."""

from collections.abc import Sequence
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.effects import Effect
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Edge, Head
from minigpt.interpret.reading.prompt import Reading
from pages.frame.controls.tour import Stop
from pages.intervene import numbers
from pages.intervene.challenge import MOST
from pages.intervene.choose import WAYS
from pages.intervene.side_effects import SCORES
from viz.probabilities import probability_text
from viz.tokens import display_piece

NEXT, PARTS, EDGES = "ablated_next", "cut_parts", "cut_edge"
LOSSES, HABITS, CHALLENGE = "ablated_losses", "scores_after", "challenge"

TWICE = 2.0

TRIED = 6
"""Heads of which one attention weight is tried."""

FELT = 0.01
"""A score or probability that changes by less has hardly changed."""


class _Told(NamedTuple):
    """What the stops speak of."""

    checkpoint: Checkpoint
    reading: Reading
    ranked: list[Head]
    """All heads, those first without which the prediction changes most."""

    @property
    def needed(self) -> Head:
        return self.ranked[0]

    @property
    def quiet(self) -> Head:
        return self.ranked[-1]

    @property
    def answer(self) -> int:
        return int(self.effect([]).before.argmax())

    def effect(self, ablations: Sequence[Ablation]) -> Effect:
        return numbers.effect(self.checkpoint, self.reading.tokens, ablations)

    def probability(self, *ablations: Ablation) -> float:
        """Return what is left of the answer's probability."""
        return float(self.effect(ablations).after[self.answer])

    def left(self, *ablations: Ablation) -> str:
        return probability_text(self.probability(*ablations))

    def name(self, token: int) -> str:
        return f"“{display_piece(self.checkpoint.tokenizer.piece(token))}”"


def stops(checkpoint: Checkpoint, reading: Reading) -> list[Stop]:
    """Write the tour of one prompt.

    Args:
        checkpoint: The model whose parts are ablated.
        reading: The prompt, as it reads it.
    """
    layers = range(checkpoint.model.config.num_layers)
    costs = numbers.heads_on_prompt(checkpoint, reading.tokens, layers).last_kl
    count = costs.shape[1]
    order = (-costs).argsort(axis=None, kind="stable").tolist()
    told = _Told(checkpoint, reading, [Head(*divmod(place, count)) for place in order])
    return [
        *_switched_off(told),
        _one_weight(told),
        *_other_ways(told),
        *_side_effects(told),
        Stop(
            CHALLENGE,
            f"Your turn: make the model lose {told.name(told.answer)}, with at most "
            f"{MOST} ablations. Click a cell to switch a part off, and once more to "
            "switch it on again.",
            {"cut": []},
        ),
    ]


def _switched_off(told: _Told) -> list[Stop]:
    """Switch off a head that does not matter, then one that does."""
    quiet, needed = Ablation(told.quiet), Ablation(told.needed)
    answer = told.name(told.answer)
    now = int(told.effect([needed]).after.argmax())
    other = f" {told.name(now)} is likelier now." if now != told.answer else ""
    return [
        Stop(
            NEXT,
            f"After this prompt the model expects {answer}, with probability "
            f"{told.left()}. Which of its parts does it need for that? Where a head "
            "looks does not tell you. You have to take it away, and see.",
            {"intervene": "Ablate", "cut": [], "cut_way": WAYS[0], "becomes": "zero"},
        ),
        Stop(
            PARTS,
            "Each cell is one part of the model, and each row is a layer. One part "
            f"was just switched off: {told.quiet}, which is head {told.quiet.head} of "
            f"layer {told.quiet.layer}. It adds nothing now, and everything after it "
            "was computed again. This is called ablation.",
            {"cut": [str(quiet)]},
        ),
        Stop(
            NEXT,
            f"Without {told.quiet}, {answer} has {told.left(quiet)}: of all heads, "
            "this one changes the prediction least. So it was switched on again, and "
            f"{told.needed} off. Now {answer} has {told.left(needed)}.{other} No other "
            "head changes the prediction as much.",
            {"cut": [str(needed)]},
        ),
    ]


def _one_weight(told: _Told) -> Stop:
    """Set one attention weight to zero: of the heads that matter, the one felt most."""
    edge = max(
        (_largest_weight(told, head) for head in told.ranked[:TRIED]),
        key=lambda each: told.effect([Ablation(each)]).kl,
    )
    weight = float(told.reading.patterns[edge.layer, edge.head][edge.query, edge.key])
    asks, found = (
        told.name(told.reading.tokens[place]) for place in (edge.query, edge.key)
    )
    return Stop(
        EDGES,
        "Sometimes it is a single look that counts. These are the attention weights of "
        f"{Head(edge.layer, edge.head)}: a row for each token that looks back, darker "
        "where it takes more. All heads are on again. Only one weight was set to zero: "
        f"the one with which {asks} reads {found}; it was {weight:.3f}. With that, "
        f"{told.name(told.answer)} has {told.left(Ablation(edge))}.",
        {
            "cut": [str(Ablation(edge))],
            "cut_way": WAYS[1],
            "layer": edge.layer,
            "head": edge.head,
        },
    )


def _largest_weight(told: _Told, head: Head) -> Edge:
    """Return the largest weight of the last token's row."""
    last = len(told.reading.tokens) - 1
    row = told.reading.patterns[head.layer, head.head][last]
    return Edge(head.layer, head.head, last, int(row.argmax()))


def _other_ways(told: _Told) -> list[Stop]:
    """Turn the head up, and replace it by its mean."""
    twice, mean = Ablation(told.needed, TWICE), Ablation(told.needed, "mean")
    answer = told.name(told.answer)
    return [
        Stop(
            NEXT,
            f"A part can also be turned up. Here {told.needed} adds twice as much as "
            f"usual, and {answer} has {told.left(twice)}; without any change it was "
            f"{told.left()}.",
            {
                "cut": [str(twice)],
                "cut_way": WAYS[0],
                "becomes": "scale",
                "factor": TWICE,
            },
        ),
        Stop(
            NEXT,
            "Switched off, a part gives zeros, which the rest of the model never met "
            f"in its training. Here {told.needed} gives its mean over many texts "
            "instead: nothing strange, but nothing about this text either. With that, "
            f"{answer} has {told.left(mean)}.",
            {"cut": [str(mean)], "becomes": "mean"},
        ),
    ]


def _side_effects(told: _Told) -> list[Stop]:
    """Say what the loss and the other heads make of it."""
    cut = [Ablation(told.needed)]
    whole = numbers.state_under_ablations(told.checkpoint, ())
    now = numbers.state_under_ablations(told.checkpoint, cut)
    changes = {
        (score, layer, head): after - before
        for score, name in SCORES.items()
        for layer, rows in enumerate(
            zip(
                getattr(whole.scores, name).tolist(),
                getattr(now.scores, name).tolist(),
                strict=True,
            )
        )
        for head, (before, after) in enumerate(zip(*rows, strict=True))
        if after == after and Head(layer, head) != told.needed
    }
    stops = [
        Stop(
            LOSSES,
            f"One prompt may be a special case. So here is the loss over {_many(told)} "
            f"of text that the model did not learn from. Without {told.needed} it goes "
            f"from {whole.loss:.3f} to {now.loss:.3f} nats per token.",
            {"cut": [str(cut[0])], "becomes": "zero"},
        )
    ]
    if changes:
        most = max(changes, key=lambda place: abs(changes[place]))
        score, layer, head = most
        before = float(getattr(whole.scores, SCORES[score])[layer, head])
        stops.append(_habit(told, score, Head(layer, head), (before, changes[most])))
    return stops


def _many(told: _Told) -> str:
    windows, length = numbers.windows(told.checkpoint).shape
    return f"{windows * length:,} tokens"


def _habit(told: _Told, score: str, other: Head, change: tuple[float, float]) -> Stop:
    """Say which untouched head changed its habit most."""
    before, by = change
    words = (
        f"{other} changes most: its {score} score goes from {before:.2f} to "
        f"{before + by:.2f}. It depends on what {told.needed} writes."
        if abs(by) >= FELT
        else f"none of them does: no other head depends on {told.needed}."
    )
    return Stop(
        HABITS,
        "The other heads were not touched. But those in later layers read what this "
        "head used to write, and may now look elsewhere. On random tokens said twice, "
        f"{words}",
        {"cut_score": score},
    )
