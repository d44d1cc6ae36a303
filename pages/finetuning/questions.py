"""Predict and Check of the Fine-tuning page, answered by the models on the screen."""

import math

from minigpt.checkpoint import Checkpoint
from minigpt.config import RunConfig
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.finetuning.supervised import LearnedToken
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import placed_pieces

Example = Conversation | Preference


def masked(example: Example, who: Checkpoint) -> Question:
    """Ask, before anything is shown, how much of an example is learned."""
    tokens = _tokens(example, who)
    count = sum(token.is_learned for token in tokens)
    whole, half = len(tokens), len(tokens) // 2
    options = sorted({count, count - 1, half, whole - 1} - {0})
    return Question(
        "finetuning.masked",
        f"A question and its answer, {whole} tokens in all. How many of them does the "
        "loss count?",
        [str(each) for each in options],
        options.index(count),
        "It counts those of the answer and its end token. The prompt is read but "
        "not learned: the model should answer questions, not write them.",
    )


def before_a_tuning(
    example: Example, who: Checkpoint, config: RunConfig
) -> list[Question]:
    """Ask what can be known before the first step."""
    tokens = _tokens(example, who)
    asked = [_most_surprising(tokens), _adapter_size(who, config), _first_dpo_loss()]
    return [question for question in asked if question is not None]


def after_a_tuning(example: Example, shown: Both) -> list[Question]:
    """Ask what fine-tuning did to this example and to the weights."""
    asked = [
        _likelier(example, shown),
        _untouched(shown),
        _adapter_size(shown.after, RunConfig(finetune=shown.tuning.finetune)),
    ]
    return [question for question in asked if question is not None]


def _tokens(example: Example, who: Checkpoint) -> list[LearnedToken]:
    first = next(iter(numbers.conversations_of(example).values()))
    return numbers.conversation_losses(who, first)


def _most_surprising(tokens: list[LearnedToken]) -> Question | None:
    """Ask which token of the answer surprises most; None without a clear answer."""
    answer = [token for token in tokens if token.is_learned]
    order = sorted(range(len(answer)), key=lambda place: -answer[place].loss)[:4]
    if len(order) < 2 or answer[order[0]].loss - answer[order[1]].loss < 0.1:
        return None
    names = placed_pieces([token.piece for token in answer])
    shown = sorted(order)
    best = order[0]
    return Question(
        "finetuning.surprise",
        "Which of the answer’s tokens surprises the base model most?",
        [names[place] for place in shown],
        shown.index(best),
        f"{plain(names[best])} costs {answer[best].loss:.2f} nats.",
    )


def _adapter_size(who: Checkpoint, config: RunConfig) -> Question:
    """Ask how many numbers an adapter of this rank has beside a square matrix."""
    assert config.finetune is not None
    rank = config.finetune.lora_rank or numbers.NEAREST_RANK
    width = who.model.config.d_model
    options = sorted({rank, 2 * rank * width, rank * width, width * width})
    return Question(
        "finetuning.size",
        f"For a matrix of {width} × {width}, how many numbers does a LoRA adapter "
        f"of rank {rank} learn?",
        [f"{each:,}" for each in options],
        options.index(2 * rank * width),
        f"A has {rank} × {width} and B has {width} × {rank}: {2 * rank * width:,} "
        f"numbers instead of {width * width:,}.",
    )


def _first_dpo_loss() -> Question:
    """Ask what DPO begins with, whatever the model."""
    return Question(
        "finetuning.dpo_start",
        "DPO’s loss is −ln σ(margin). At the first step the model *is* its "
        "reference. What is the loss then?",
        ["0", f"ln 2 = {math.log(2):.3f}", "1"],
        1,
        "Nothing has changed yet, so the margin is 0, and σ(0) is one half.",
    )


def _likelier(example: Example, shown: Both) -> Question | None:
    """Ask how many times likelier the answer became; None where nothing changed."""
    before, after = (_answer_loss(example, who) for who in (shown.before, shown.after))
    gain = before - after
    if abs(gain) < 0.05:
        return None
    limits = (0.0, math.log(10), math.log(1000), math.inf)
    options = ("less likely", "up to 10 times", "10 to 1000 times", "over 1000 times")
    if any(abs(gain - limit) < 0.1 for limit in limits):
        return None
    return Question(
        "finetuning.likelier",
        "How much likelier did fine-tuning make the whole first answer?",
        options,
        next(n for n, limit in enumerate(limits) if gain < limit),
        f"Its tokens cost {before:.2f} nats together before and {after:.2f} after: "
        f"e^{gain:.2f} times the probability.",
    )


def _answer_loss(example: Example, who: Checkpoint) -> float:
    return sum(token.loss for token in _tokens(example, who) if token.is_learned)


def _untouched(shown: Both) -> Question | None:
    """Ask which share of the weights could change; without an adapter, all."""
    found = numbers.moved_weights(shown)
    share = round(100 * found.touched / found.total)
    options = sorted({share, 5, 50, 100})
    return Question(
        "finetuning.untouched",
        "What share of the weights is in matrices that fine-tuning changed?",
        [f"{each}%" for each in options],
        options.index(share),
        f"{found.touched:,} of {found.total:,}"
        + (
            ": all of them."
            if share == 100
            else "; the rest are exactly as in the base."
        ),
    )
