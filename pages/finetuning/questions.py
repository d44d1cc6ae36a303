"""Predict and Check of the Fine-tuning page, answered by the models on the screen."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from random import Random

from minigpt.checkpoint import Checkpoint
from minigpt.config import FinetuneConfig, RunConfig
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.finetuning.supervised import LearnedToken
from pages.finetuning import numbers
from pages.finetuning.numbers import Both
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import placed_pieces

Example = Conversation | Preference
Kinds = list[Iterator[Question]]

CLEAR = 0.1
"""Nats: two tokens nearer than this are about as surprising."""
FURTHER = 1.05
"""Of two matrices, one moved further only if by this factor."""
DECADES = 4
"""Powers of ten between two options."""
_MARGINS = 24


def masked(examples: Iterable[Example], who: Checkpoint) -> Iterator[Question]:
    """Ask, before anything is shown, how much of an example is learned.

    Args:
        examples: The one on the screen first.
        who: Whose tokens they are.
    """
    for place, example in enumerate(examples):
        tokens = _tokens(example, who)
        count = sum(token.is_learned for token in tokens)
        whole, half = len(tokens), len(tokens) // 2
        options = sorted({count, count - 1, half, whole - 1} - {0})
        yield Question(
            "finetuning.masked",
            f"{_named(example, place)} and its answer are {whole} tokens in all. How "
            "many of them does the loss count?",
            [str(each) for each in options],
            options.index(count),
            "It counts those of the answer and its end token. The prompt is read but "
            "not learned: the model should answer questions, not write them.",
        )


def _named(example: Example, place: int) -> str:
    """Name an example: the one on the screen, or another by its last words."""
    if place == 0:
        return "The question below"
    asked = next(iter(numbers.conversations_of(example).values())).prompt[-1].content
    return f"“{plain(asked.splitlines()[-1][:80])}” with all that comes before it"


def before_a_tuning(
    examples: Sequence[Example], who: Checkpoint, config: RunConfig
) -> Kinds:
    """Ask what can be known before the first step."""
    return [
        _most_surprising(examples, who),
        _adapter_size(who, config),
        _dpo_loss(),
    ]


def after_a_tuning(examples: Sequence[Example], shown: Both) -> Kinds:
    """Ask what fine-tuning did to these examples and to the weights."""
    return [
        _likelier(examples, shown),
        _moved(shown),
        _adapter_size(shown.after, RunConfig(finetune=shown.tuning.finetune)),
    ]


def recall(checkpoint: Checkpoint) -> Kinds:
    """Ask what can be worked out without an example or a run."""
    config = RunConfig(finetune=FinetuneConfig(base="base"))
    return [_adapter_size(checkpoint, config), _dpo_loss()]


def _tokens(example: Example, who: Checkpoint) -> list[LearnedToken]:
    first = next(iter(numbers.conversations_of(example).values()))
    return numbers.conversation_losses(who, first)


def _most_surprising(
    examples: Sequence[Example], who: Checkpoint
) -> Iterator[Question]:
    """Ask which token of an answer surprises most, where that is clear."""
    for example in examples:
        answer = [token for token in _tokens(example, who) if token.is_learned]
        order = sorted(range(len(answer)), key=lambda place: -answer[place].loss)[:4]
        if len(order) < 2 or answer[order[0]].loss - answer[order[1]].loss < CLEAR:
            continue
        names = placed_pieces([token.piece for token in answer])
        shown, best = sorted(order), order[0]
        said = "".join(token.piece for token in answer[:-1]).strip()
        yield Question(
            "finetuning.surprise",
            f"Of the answer “{plain(said[:80])}”, which token surprises the base most?",
            [names[place] for place in shown],
            shown.index(best),
            f"{plain(names[best])} costs {answer[best].loss:.2f} nats.",
        )


def _adapter_size(who: Checkpoint, config: RunConfig) -> Iterator[Question]:
    """Ask how many numbers an adapter has beside a matrix: first of this run's rank."""
    assert config.finetune is not None
    rank = config.finetune.lora_rank or numbers.NEAREST_RANK
    width = who.model.config.d_model
    others = product((1, 2, 4, 8, 16), ((width, width), (4 * width, width)), (1, 2, 3))
    sizes = [(r, n * rows, n * columns) for r, (rows, columns), n in others]
    for r, rows, columns in [(rank, width, width), *sizes]:
        learned = r * (rows + columns)
        options = sorted({r, learned, r * columns, rows * columns})
        yield Question(
            "finetuning.size",
            f"For a matrix of {rows} × {columns}, how many numbers does a LoRA adapter "
            f"of rank {r} learn?",
            [f"{each:,}" for each in options],
            options.index(learned),
            f"A has {r} × {columns} and B has {rows} × {r}: {learned:,} numbers "
            f"instead of {rows * columns:,}.",
        )


def _dpo_loss() -> Iterator[Question]:
    """Ask what DPO's loss is: first at the first step, whatever the model."""
    for place in range(_MARGINS):
        margin = (place + 1) // 2 * 0.25 * (-1 if place % 2 else 1)
        right = math.log1p(math.exp(-margin))
        values = sorted({right, right + 0.25, 1 / (1 + math.exp(-margin)), 2 * right})
        when = "At the first step the model *is* its reference, so the margin is 0."
        yield Question(
            "finetuning.dpo_start",
            "DPO’s loss is −ln σ(margin), and σ(m) = 1 / (1 + e^−m). "
            f"{f'The margin is {margin:+.2f}.' if place else when} What is the loss?",
            [f"{value:.3f}" for value in values],
            values.index(right),
            f"σ(margin) is {math.exp(-right):.3f}: −ln of it is {right:.3f}.",
        )


def _likelier(examples: Sequence[Example], shown: Both) -> Iterator[Question]:
    """Ask how many times likelier an answer became, to the nearest power of ten."""
    for place, example in enumerate(examples):
        before, after = (
            sum(token.loss for token in _tokens(example, who) if token.is_learned)
            for who in (shown.before, shown.after)
        )
        power = round((before - after) / math.log(10))
        # The right one is sometimes the largest and sometimes not.
        powers = [power + DECADES * (step - place % 3) for step in range(3)]
        first = next(iter(numbers.conversations_of(example).values()))
        asked = first.prompt[-1].content.splitlines()[-1]
        yield Question(
            "finetuning.likelier",
            f"“{plain(asked[:80])}” – “{plain(first.answer[:80])}” How much likelier "
            "did fine-tuning make this answer?",
            [f"about 10^{each} times" for each in powers],
            powers.index(power),
            f"Its tokens cost {before:.2f} nats together before and {after:.2f} after: "
            f"e^{before - after:.2f} times the probability.",
        )


def _moved(shown: Both) -> Iterator[Question]:
    """Ask which of four matrices moved furthest, where that is clear."""
    found = numbers.moved_weights(shown)
    cells = list(product(range(len(found.relative)), range(len(found.matrices))))
    random = Random(len(cells))
    for _ in range(200):
        some = sorted(random.sample(cells, min(4, len(cells))))
        moved = [float(found.relative[cell]) for cell in some]
        second, first = sorted(moved)[-2:]
        if first < FURTHER * second or not first:
            continue
        best = moved.index(first)
        names = [f"{found.matrices[column]} of layer {row}" for row, column in some]
        yield Question(
            "finetuning.moved",
            "Which of these matrices did fine-tuning move furthest, as a share of the "
            "matrix’s own size, ‖ΔW‖ / ‖W‖? (See *Weights*.)",
            names,
            best,
            f"{plain(names[best])} moved by {first:.4f} of its size. "
            + _unmoved(names, moved),
        )


def _unmoved(names: list[str], moved: list[float]) -> str:
    still = [plain(name) for name, value in zip(names, moved, strict=True) if not value]
    return f"Not moved at all: {', '.join(still)}." if still else ""
