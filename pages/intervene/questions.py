"""Predict and Check of the Intervene page, graded by ablations and patches."""

from collections.abc import Sequence

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.interventions.circuit import strongest_habit
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.sweep import HeadEffects
from minigpt.interpret.reading.prompt import Reading
from pages.frame.questions import Question
from pages.frame.words import plain
from pages.intervene import numbers
from pages.intervene.patch import Patching
from viz.tokens import display_piece

OPTIONS = 4
"""Answers to choose among."""

CLEAR = 1.2
"""The largest number must be this many times the next, or there is no clear answer."""


def which_head(checkpoint: Checkpoint, reading: Reading) -> Question | None:
    """Ask which head's ablation hurts most; None if two hurt alike."""
    costs = _costs(checkpoint, reading)
    ranked = sorted(costs, key=lambda name: -costs[name])
    if len(ranked) < 2 or costs[ranked[0]] < CLEAR * costs[ranked[1]]:
        return None
    options = sorted(_spread(ranked))
    return Question(
        "intervene.which_head",
        "Which head, set to zero, changes the next token most?",
        options,
        options.index(ranked[0]),
        f"KL {costs[ranked[0]]:.3f} nats; {ranked[1]} comes next with "
        f"{costs[ranked[1]]:.3f}.",
    )


def of_ablation(checkpoint: Checkpoint, reading: Reading) -> list[Question]:
    """Return questions about ablating."""
    costs = _costs(checkpoint, reading)
    ranked = sorted(costs, key=lambda name: -costs[name])
    questions = [
        _next_token(checkpoint, reading, ranked[0]),
        _earlier_layers(checkpoint),
    ]
    if len(ranked) > 1:
        questions.append(_pair(checkpoint, ranked[0], ranked[1]))
    return questions


def of_patch(checkpoint: Checkpoint, patching: Patching) -> list[Question]:
    """Return questions about patching."""
    prompts, names = patching.prompts, patching.names
    stream = numbers.patches(checkpoint, prompts, "residual stream").moved
    questions = []
    last = dict(zip(names, stream[-1].tolist(), strict=True))
    ranked = sorted(names, key=lambda name: -abs(last[name]))
    if len(names) > 1 and abs(last[ranked[0]]) >= CLEAR * abs(last[ranked[1]]):
        options = sorted(_spread(ranked), key=names.index)
        questions.append(
            Question(
                "intervene.where_last",
                "Just before the last layer, at which token does the residual stream "
                "carry most of the difference?",
                options,
                options.index(ranked[0]),
                f"That one patch moves the answer {last[ranked[0]]:.2f} of the way.",
            )
        )
    same = [place for place, name in enumerate(names) if "|" not in name]
    if same:
        questions.append(_unchanged_token(names, same[-1], stream[0]))
    z = numbers.patches(checkpoint, prompts, "z").moved
    questions.append(_strongest_z(z))
    return questions


def of_turn(effects: HeadEffects, scores: HeadScores) -> list[Question]:
    """Return questions about ablating each head in turn."""
    habit = strongest_habit(scores, effects)
    helped = int((effects.loss < 0).sum())
    some = ("none", "one or two", "three or more")
    alike = ("It is the same head", "More than half as much", "Less than half as much")
    share = habit.cost / max(habit.needed_cost, 1e-9)
    costs = _named(effects.loss)
    ranked = sorted(costs, key=lambda name: -costs[name])
    options = sorted(_spread(ranked))
    return [
        Question(
            "intervene.needed",
            "Which head does the model need most on held-out text?",
            options,
            options.index(ranked[0]),
            f"Ablating it raises the loss by {costs[ranked[0]]:.3f} nats per token.",
        ),
        Question(
            "intervene.helped",
            "How many heads *lower* the loss when they are ablated?",
            some,
            0 if helped == 0 else 1 if helped < 3 else 2,
            f"On these windows it is {helped} of {effects.loss.size} heads.",
        ),
        Question(
            "intervene.sharpest",
            f"{habit.sharpest} has the most weight on the previous token. What does "
            "ablating it cost, compared with the most needed head?",
            alike,
            0 if habit.sharpest == habit.needed else 1 if share > 0.5 else 2,
            f"It costs {habit.cost:.3f} nats; ablating {habit.needed} costs "
            f"{habit.needed_cost:.3f}.",
        ),
    ]


def _next_token(checkpoint: Checkpoint, reading: Reading, head: str) -> Question:
    effect = numbers.effect(checkpoint, reading.tokens, [_ablation(head)])
    tokens = [
        *(-effect.after).argsort(kind="stable")[:2].tolist(),
        *(-effect.before).argsort(kind="stable")[:3].tolist(),
    ]
    pieces = {
        display_piece(checkpoint.tokenizer.pieces([token])[0]): float(
            effect.after[token]
        )
        for token in tokens
    }
    options = sorted(list(pieces)[:OPTIONS])
    answer = max(options, key=lambda piece: pieces[piece])
    return Question(
        "intervene.next_token",
        f"Set {head} to zero. What is the likeliest next token then?",
        options,
        options.index(answer),
        f"{plain(answer)} has {pieces[answer]:.3f}; KL {effect.kl:.3f} nats.",
    )


def _earlier_layers(checkpoint: Checkpoint) -> Question:
    last = f"L{checkpoint.model.config.num_layers - 1}H0"
    whole = numbers.state_under_ablations(checkpoint, ())
    ablation = numbers.state_under_ablations(checkpoint, [_ablation(last)])
    change = abs(
        float(ablation.scores.previous_token[0, 0] - whole.scores.previous_token[0, 0])
    )
    return Question(
        "intervene.earlier",
        f"Switch {last} off. How much does L0H0's weight on the previous token change?",
        ("Not at all", "By less than 0.1", "By 0.1 or more"),
        0 if change == 0 else 1 if change < 0.1 else 2,
        f"It changes by {change:.3f}: nothing flows from a later layer to an "
        "earlier one.",
    )


def _pair(checkpoint: Checkpoint, first: str, second: str) -> Question:
    found = numbers.pair_effect(checkpoint, _ablation(first), _ablation(second))
    return Question(
        "intervene.pair",
        f"Switch {first} and {second} off. The loss over held-out text then rises by …",
        ("more than both alone, added", "less than both alone, added"),
        0 if found.interaction > 0 else 1,
        f"{found.first:.3f} and {found.second:.3f} alone, {found.both:.3f} together.",
    )


def _unchanged_token(
    names: Sequence[str], place: int, moved: Sequence[float]
) -> Question:
    share = float(moved[place])
    options = ("0", "0.5", "1")
    return Question(
        "intervene.unchanged",
        f"{plain(names[place])} is the same in both prompts. If it is patched "
        "before layer 0, how far does that move the answer?",
        options,
        min(range(3), key=lambda option: abs(float(options[option]) - share)),
        f"It moves it {share:.2f} of the way: before layer 0, a token's stream "
        "holds only the token itself.",
    )


def _strongest_z(moved: Sequence[Sequence[float]]) -> Question:
    shares = _named(moved)
    ranked = sorted(shares, key=lambda name: -abs(shares[name]))
    options = sorted(_spread(ranked))
    return Question(
        "intervene.strongest_z",
        "Which head's z, patched alone, moves the answer farthest?",
        options,
        options.index(ranked[0]),
        f"It moves it {shares[ranked[0]]:.2f} of the way.",
    )


def _costs(checkpoint: Checkpoint, reading: Reading) -> dict[str, float]:
    """Return what ablating each head does here; of a large model, layer 0's."""
    layers = range(checkpoint.model.config.num_layers)
    if not numbers.is_quick(checkpoint):
        layers = layers[:1]
    found = numbers.heads_on_prompt(checkpoint, reading.tokens, layers)
    return _named(found.last_kl)


def _named(values: Sequence[Sequence[float]]) -> dict[str, float]:
    return {
        f"L{layer}H{head}": float(value)
        for layer, row in enumerate(values)
        for head, value in enumerate(row)
    }


def _ablation(head: str) -> Ablation:
    layer, number = head[1:].split("H")
    return Ablation(Head(int(layer), int(number)))


def _spread(ranked: Sequence[str]) -> list[str]:
    """Return the first of a ranking and some others, evenly spaced."""
    step = max(1, (len(ranked) - 1) // (OPTIONS - 1))
    return [ranked[0], *ranked[1::step][: OPTIONS - 1]]
