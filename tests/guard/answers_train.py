"""The answers of Training, Fine-tuning and the Library, from the files of the runs."""

import json
import math
import re
from typing import Any

import numpy as np
from guard.answers import answers
from guard.printed import Answer, numbers_in, plain_text
from guard.runs import FIRST, OWN, PREDICTED, REPEATS, SECOND, SIZES
from guard.screen import Asked
from guard.seen import Seen, logits_of

from minigpt.checkpoint import load_checkpoint
from minigpt.config import get_recipe
from minigpt.config.ingredients import differences
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.held_out_answers import held_out_questions
from minigpt.library.catalogue import available_models
from minigpt.model.sizes import training_flops_per_token
from minigpt.runs import RunStore
from minigpt.tokenizers.chat import Message, encode_chat

# Training: the journal and the status of a run.


def status(seen: Seen, run: str | None = None) -> dict[str, Any]:
    run = run or seen.app.selectbox(key="run").value
    path = seen.data / "runs" / run / "status.json"
    return json.loads(path.read_text(encoding="utf-8"))


def journal(seen: Seen, run: str, kind: str) -> list[dict[str, Any]]:
    path = seen.data / "runs" / run / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [each for each in map(json.loads, lines) if each["kind"] == kind]


def repetition(seen: Seen, name: str) -> np.ndarray:
    run = seen.app.selectbox(key="run").value
    return np.array([each[name] for each in journal(seen, run, "repetition")])


def runs_shown(seen: Seen) -> list[str]:
    """The run on the page; of a race, both."""
    run = seen.app.selectbox(key="run").value
    return [FIRST, SECOND] if run in (FIRST, SECOND) else [run]


@answers("training.unknowable")
def unknowable(seen: Seen, asked: Asked) -> Answer:
    found = status(seen)
    vocabulary = found["vocab_size"]
    end = found["validation_loss"]
    if end is None:
        end = repetition(seen, "first_loss")[0]
    right = f"ln {vocabulary} nats"
    return Answer(right, (vocabulary, vocabulary, math.log(vocabulary), end))


def passes(seen: Seen, name: str, share: float) -> int:
    """The first step at which a number has gone a share of its whole way."""
    steps, values = repetition(seen, "step"), repetition(seen, name)
    way = (values - values[0]) / (values[-1] - values[0])
    return int(steps[(way >= share).argmax()])


def half_way(seen: Seen, name: str) -> int:
    return passes(seen, name, 0.5)


def change(seen: Seen) -> tuple[int, int]:
    return passes(seen, "induction", 0.1), passes(seen, "induction", 0.9)


def frames(seen: Seen) -> list[tuple[int, float]]:
    """Step and score of every picture: the previous word's head, then the copier's."""
    snapshots = RunStore(seen.data / "runs").open(REPEATS).snapshots()
    steps = repetition(seen, "step")
    moments = {int(steps[0]), int(steps[-1])}
    moments |= {
        passes(seen, "induction", share) for share in np.linspace(0.25, 0.75, 3)
    }
    shown = []
    for habit in ("previous_token", "induction"):
        scores = {step: getattr(snapshots.load(step).scores, habit) for step in moments}
        best = int(np.nanargmax(scores[max(moments)]))
        shown += [(step, float(scores[step].ravel()[best])) for step in sorted(moments)]
    return shown


@answers("training.how_long")
def how_long(seen: Seen, asked: Asked) -> Answer:
    begin, end = change(seen)
    return Answer(f"{end - begin} steps", (repetition(seen, "step")[-1], begin, end))


@answers("training.first_time")
def first_time(seen: Seen, asked: Asked) -> Answer:
    away = repetition(seen, "first_loss") - repetition(seen, "first_loss")[0]
    shift = float(away[np.abs(away).argmax()])
    words = "It stayed the same."
    if abs(shift) > 0.2:
        words = "It rose." if shift > 0 else "It fell too."
    return Answer(words, (abs(shift),))


@answers("training.baseline")
def baseline(seen: Seen, asked: Asked) -> Answer:
    found = status(seen)
    known = {name: found[f"{name}_loss"] for name in ("uniform", "unigram", "bigram")}
    loss = found["validation_loss"]
    beaten = [name for name in known if loss < known[name]]
    right = min(beaten, key=known.__getitem__, default="none of them")
    return Answer(right, (loss, *known.values()))


@answers("training.held_out")
def held_out(seen: Seen, asked: Asked) -> Answer:
    found = status(seen)
    trained, held = found["train_loss"], found["validation_loss"]
    right = "held out" if held < trained else "learns from"
    words = (
        "the held-out text" if right == "held out" else ("the text it was trained on")
    )
    return Answer(words, (trained, held))


# A race: two journals.


def lanes(seen: Seen) -> list[list[dict[str, Any]]]:
    return [journal(seen, name, "step") for name in (FIRST, SECOND)]


@answers("training.race_speed")
def race_speed(seen: Seen, asked: Asked) -> Answer:
    speeds = [
        run[-1]["tokens_seen"] / run[-1]["elapsed_seconds"] for run in lanes(seen)
    ]
    return Answer((FIRST, SECOND)[int(np.argmax(speeds))], tuple(speeds))


def last_tenth(records: list[dict[str, Any]], axis: str) -> float:
    """The mean loss over the last tenth of the way so far."""
    since = 0.9 * records[-1][axis]
    return float(np.mean([each["loss"] for each in records if each[axis] > since]))


def after_as_many(seen: Seen) -> tuple[int, list[float]]:
    """The tokens that both have read, and both losses there."""
    place = min(run[-1]["tokens_seen"] for run in lanes(seen))
    until = [
        [each for each in run if each["tokens_seen"] <= place] for run in lanes(seen)
    ]
    return place, [last_tenth(run, "tokens_seen") for run in until]


def won(seen: Seen) -> tuple[float, ...]:
    """The last losses on held-out text, and how much sooner the winner was there."""
    looks = [journal(seen, name, "evaluation") for name in (FIRST, SECOND)]
    ends = [run[-1]["loss"] for run in looks]
    winner = int(np.argmin(ends))
    bar, took = max(ends), lanes(seen)[1 - winner][-1]["elapsed_seconds"]
    for one, other in zip(looks[winner], looks[winner][1:], strict=False):
        if other["loss"] <= bar < one["loss"]:
            share = (one["loss"] - bar) / (one["loss"] - other["loss"])
            span = other["elapsed_seconds"] - one["elapsed_seconds"]
            when = one["elapsed_seconds"] + span * share
            return (min(ends), bar, when, took, took / when)
    return (min(ends), bar)


def decided_by(seen: Seen) -> tuple[float, ...]:
    place, losses = after_as_many(seen)
    recipes = [get_recipe(name) for name in (FIRST, SECOND)]
    flops = [training_flops_per_token(recipe.model) for recipe in recipes]
    apart = len(differences(*recipes))
    return (place, *losses, *(float(f"{each:.2g}") for each in flops), apart, 0.02)


@answers("training.race_tokens")
def race_tokens(seen: Seen, asked: Asked) -> Answer:
    place, losses = after_as_many(seen)
    right = (FIRST, SECOND)[int(losses[1] < losses[0])]
    if abs(losses[0] - losses[1]) < 0.02:
        right = "neither, by 0.02 nats"
    return Answer(right, (place, *losses))


@answers("training.race_start")
def race_start(seen: Seen, asked: Asked) -> Answer:
    vocabulary = status(seen, FIRST)["vocab_size"]
    return Answer(
        "near the uniform line", (vocabulary, vocabulary, math.log(vocabulary))
    )


# Sizes in a row: their journals, and numpy's line through the first four.


def sizes(seen: Seen) -> list[tuple[int, float]]:
    """Weights and last held-out loss of each size."""
    return [
        (
            status(seen, name)["num_parameters"],
            journal(seen, name, "evaluation")[-1]["loss"],
        )
        for name in SIZES
    ]


def line(seen: Seen) -> tuple[float, float]:
    """Slope and intercept, of natural logarithms."""
    weights, losses = zip(*sizes(seen)[:4], strict=True)
    slope, intercept = np.polyfit(np.log(weights), np.log(losses), 1)
    return float(slope), float(intercept)


def on_line(seen: Seen, weights: float) -> float:
    slope, intercept = line(seen)
    return math.exp(intercept + slope * math.log(weights))


def fifth(seen: Seen) -> tuple[float, ...]:
    """The fifth's weights, what came, and both predictions."""
    weights, came = sizes(seen)[4]
    return weights, came, PREDICTED, on_line(seen, weights)


@answers("training.size_line")
def size_line(seen: Seen, asked: Asked) -> Answer:
    weights, change = sizes(seen)[3][0], 2 ** line(seen)[0]
    start, right = on_line(seen, weights), on_line(seen, 4 * weights)
    given = (weights, start, change, 4)
    return Answer(f"{right:.3f}", (*given, 4, 2, 2, start, change, 2, right))


@answers("training.size_fall")
def size_fall(seen: Seen, asked: Asked) -> Answer:
    one = sizes(seen)[0][0]
    other = 4 * one
    falls = [on_line(seen, each) - on_line(seen, 2 * each) for each in (one, other)]
    given = (one, 2 * one, other, 2 * other)
    return Answer("the first", (*given, *falls, 2 ** line(seen)[0]))


# Training, when it is reviewed: all numbers are in the text.


def told_in(asked: Asked) -> list[float]:
    """The numbers of a question, in order."""
    return [float(each.replace(",", "")) for each in numbers_in(asked.text)]


@answers("training.untrained")
def untrained(seen: Seen, asked: Asked) -> Answer:
    vocabulary, _, two, power, _, _ = given = told_in(asked)
    assert vocabulary == two**power
    right = math.log(vocabulary)
    return Answer(right, (*given, vocabulary, power, 0.693, right))


@answers("training.tokens_read")
def tokens_read(seen: Seen, asked: Asked) -> Answer:
    given = told_in(asked)
    return Answer(f"{math.prod(given):,.0f}", (*given, *given, math.prod(given)))


@answers("training.memorizing")
def memorizing(seen: Seen, asked: Asked) -> Answer:
    before, after, unseen, then = given = told_in(asked)
    right = "It has stopped learning."
    if then < unseen:
        right = "It still learns what holds for new text."
    elif after < before:
        right = "It learns its own text by heart."
    return Answer(right, tuple(given))


# Fine-tuning: an example token by token, and the weights.


def example_row(seen: Seen, checkpoint: Any, example: dict[str, str]):
    """The tokens of a question and its answer, and which of them count."""
    tokenizer = checkpoint.tokenizer
    ids = {name: token for token, name in tokenizer.special_tokens.items()}
    question = tokenizer.encode(example["instruction"])
    answer = [*tokenizer.encode(example["output"]), tokenizer.eos_id]
    prompt = [ids["<user>"], *question, ids["<assistant>"]]
    return [*prompt, *answer], len(prompt)


def losses_of(checkpoint: Any, row: list[int], begin: int) -> np.ndarray:
    """The loss of every token of the answer."""
    logits = logits_of(checkpoint.model, row[:-1])[begin - 1 :]
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -log_p[np.arange(len(log_p)), row[begin:]]


def base(seen: Seen) -> Any:
    return ready_to_chat(seen.checkpoint)


def shown(seen: Seen) -> dict[str, str]:
    """The example on the screen: the shortest of those pasted, or the one held out."""
    if seen.app.selectbox(key="tuning").value == "answers":
        return held_example(seen)
    return min(OWN, key=lambda each: len(each["instruction"] + each["output"]))


def before_the_word(seen: Seen) -> list[int]:
    """The first held-out question, and its answer up to the word asked for."""
    after = tuned(seen)
    asked = held_out_questions(after, base(seen), 1)[0]
    turns = (*asked.prompt, Message("assistant", asked.question.lead))
    return [token for token, _ in encode_chat(turns, after.tokenizer)[:-1]]


@answers("finetuning.masked")
def masked(seen: Seen, asked: Asked) -> Answer:
    row, begin = example_row(seen, base(seen), shown(seen))
    return Answer(len(row) - begin, (len(row),))


@answers("finetuning.surprise")
def surprise(seen: Seen, asked: Asked) -> Answer:
    checkpoint = base(seen)
    row, begin = example_row(seen, checkpoint, shown(seen))
    losses = losses_of(checkpoint, row, begin)
    best = int(losses.argmax())
    piece = checkpoint.tokenizer.pieces([row[begin + best]])[0].replace(" ", "·")
    return Answer(f"{best} {piece}", (best, losses[best]))


@answers("finetuning.size")
def size(seen: Seen, asked: Asked) -> Answer:
    width = seen.model.token_embedding.weight.shape[1]
    rank = 8  # the page's own default
    both = 2 * rank * width
    said = (width, width, rank, rank, width, width, rank, both, width * width)
    return Answer(both, said)


@answers("finetuning.dpo_start")
def dpo_start(seen: Seen, asked: Asked) -> Answer:
    sigma = 1 / (1 + math.exp(-0.0))
    return Answer(-math.log(sigma), (1, 1, 0, sigma, -math.log(sigma)))


def tuned(seen: Seen) -> Any:
    (path,) = (
        each.path for each in available_models(seen.data) if each.id == "answers"
    )
    return load_checkpoint(path)


def held_example(seen: Seen) -> dict[str, str]:
    """The example that the tuning was tested on: its last."""
    config = json.loads(
        (seen.data / "runs/answers/config.json").read_text(encoding="utf-8")
    )
    assert config["finetune"]["examples"].endswith("own.jsonl")
    return OWN[-1]


@answers("finetuning.likelier")
def likelier(seen: Seen, asked: Asked) -> Answer:
    sums = []
    for checkpoint in (base(seen), tuned(seen)):
        row, begin = example_row(seen, checkpoint, held_example(seen))
        sums.append(float(losses_of(checkpoint, row, begin).sum()))
    gain = sums[0] - sums[1]
    power = round(math.log10(math.exp(gain)))
    return Answer(f"about 10^{power} times", (*sums, gain))


def matrix(weights: dict[str, Any], name: str, layer: int) -> Any:
    """One of a block's matrices, by the name that the page gives it."""
    block = f"blocks.{layer}"
    if name in ("q", "k", "v"):
        width = weights["token_embedding.weight"].shape[1]
        begin = "qkv".index(name) * width
        return weights[f"{block}.attn.qkv.weight"][begin : begin + width]
    place = {"o": "attn.output", "mlp in": "mlp.input", "mlp out": "mlp.output"}[name]
    return weights[f"{block}.{place}.weight"]


@answers("finetuning.moved")
def moved(seen: Seen, asked: Asked) -> Answer:
    before, after = base(seen).model.state_dict(), tuned(seen).model.state_dict()
    shares = {}
    for option in map(plain_text, asked.options):
        name, layer = re.fullmatch(r"(.+) of layer (\d+)", option).groups()
        old, new = (matrix(each, name, int(layer)) for each in (before, after))
        shares[option] = float((new - old).norm() / old.norm())
    best = max(shares, key=shares.__getitem__)
    layer = int(best.rpartition(" ")[2])
    return Answer(best, (layer, shares[best]))


# Library: sizes and tokens of the models that are there.


def parameters(seen: Seen) -> dict[str, int]:
    found = {}
    for entry in available_models(seen.data):
        model = load_checkpoint(entry.path).model
        found[entry.id] = sum(weight.numel() for weight in model.parameters())
    return found


def tokens_seen(seen: Seen) -> dict[str, tuple[int, int]]:
    """By model: its steps, and the tokens of each."""
    found = {}
    for entry in available_models(seen.data):
        metadata = load_checkpoint(entry.path).metadata
        if "tokens_per_step" in metadata.provenance:
            per_step = metadata.provenance["tokens_per_step"]
            found[entry.id] = (metadata.step, per_step)
    return found


@answers("library.tokens_per_parameter")
def tokens_per_parameter(seen: Seen, asked: Asked) -> Answer:
    sizes = parameters(seen)
    ratios = {
        name: steps * per_step / sizes[name]
        for name, (steps, per_step) in tokens_seen(seen).items()
    }
    order = sorted(ratios, key=ratios.__getitem__, reverse=True)
    return Answer(order[0], (*(ratios[name] for name in order), 20, 2022))


@answers("library.bytes")
def bytes_of(seen: Seen, asked: Asked) -> Answer:
    number = max(parameters(seen).values())
    return Answer(4 * number, (number, 32, 32, 4, number, 4 * number))


@answers("library.tokens_per_step")
def tokens_per_step(seen: Seen, asked: Asked) -> Answer:
    steps, per_step = max(tokens_seen(seen).values())
    return Answer(per_step, (steps * per_step, steps, per_step))
