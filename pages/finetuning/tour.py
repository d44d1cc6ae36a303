"""Fine-tuning's tour: one example, answers before and after, and what has changed."""

import math

from minigpt.datasets.conversations import Conversation, Preference
from minigpt.errors import DataError
from minigpt.finetuning.inspection.held_out_answers import Answered
from minigpt.finetuning.supervised import LearnedToken
from minigpt.model import TransformerLM
from pages.finetuning import answers, numbers, set_up, watch, weights
from pages.finetuning import example as finetuning_example
from pages.finetuning.numbers import Both
from pages.finetuning.tunings import NEW, Tuning
from pages.frame.controls.tour import Stop
from viz.probabilities import probability_text
from viz.tokens import display_piece

_LONGEST = 60

Settings = dict[str, object]


def stops(tuning: Tuning) -> list[Stop]:
    """Write the tour of a fine-tuning.

    Args:
        tuning: One that has saved a model.
    """
    shown = numbers.both(tuning)
    inside = _inside(shown) if isinstance(shown.after.model, TransformerLM) else []
    return [
        *_example(shown),
        *_answers(shown),
        *inside,
        Stop(
            set_up.CHOICE,
            "Your turn. Choose a base, how much of it may change, and what it is to "
            "learn: built-in questions, or a file of your own. It takes a few minutes, "
            "and the base stays as it is.",
            {"tuning": NEW},
        ),
    ]


def _example(shown: Both) -> list[Stop]:
    """Show what is learned, what of it counts, and what became of it."""
    number, example = _chosen(shown)
    conversation = next(iter(numbers.conversations_of(example).values()))
    before, after = (
        numbers.conversation_losses(who, conversation)
        for who in (shown.before, shown.after)
    )
    learned = [place for place, token in enumerate(after) if token.is_learned]
    place = max(learned, key=lambda each: before[each].loss - after[each].loss)
    ends = ", which ends the answer," if place == learned[-1] else ","
    base, tuned = shown.base_name, shown.tuning.id
    of_two = " Here the better of two answers comes first, then the worse."
    return [
        Stop(
            watch.CHANGE,
            f"The base model, {base}, can continue a text; that is all it was ever "
            "trained for. To teach it to answer, it is trained a little further, on "
            "examples like this: something is asked, and an answer is given."
            f"{of_two if isinstance(example, Preference) else ''} That is called "
            "fine-tuning.",
            _begin(shown) | {finetuning_example.widget_key(tuned): number + 1},
        ),
        Stop(
            watch.CHANGE,
            f"Only the answer is learned. Of these {len(after)} tokens the loss counts "
            f"{len(learned)}; the grey ones are read, but not learned. The model "
            "should answer questions, not invent them. The framed token, "
            f"{_name(after[place])}{ends} gained most: {base} gave it "
            f"{_probability(before[place])}, {tuned} gives it "
            f"{_probability(after[place])}.",
            {finetuning_example.TOKEN: place},
        ),
    ]


def _begin(shown: Both) -> Settings:
    """Return the settings that the whole tour needs."""
    tuning = shown.tuning
    settings: Settings = {"tuning": tuning.id, watch.VIEW: watch.EXAMPLE}
    steps = tuning.entry.steps if tuning.run and tuning.entry else []
    if len(steps) > 1:
        settings[watch.step_key(tuning)] = steps[-1][0]
    return settings


def _chosen(shown: Both) -> tuple[int, Conversation | Preference]:
    """Return the example that the page opens on, counted from 0."""
    try:
        found = numbers.held_out(shown)
    except DataError:  # the file is gone: the page shows tales
        found = numbers.held_out_tales(shown)
    some = finetuning_example.ordered(found)[: watch.SEARCHED]
    conversations = [each for each in some if isinstance(each, Conversation)]
    number = numbers.opening(shown, conversations).number if conversations else 0
    return number, some[number]


def _answers(shown: Both) -> list[Stop]:
    """Let both answer, in words that they know and in words that they do not."""
    finetune = shown.tuning.finetune
    look: Settings = {watch.VIEW: watch.ANSWERS}
    if finetune.is_own_file and finetune.method == "sft":
        return [
            Stop(
                watch.CHANGE,
                "Does it answer now? On the left are questions that it was trained on, "
                "on the right some that were held out. A fact found only in a held-out "
                "line cannot be known; a learned one, asked in other words, can be.",
                look,
            )
        ]
    known, new = (
        numbers.answered(shown, 0, answers.WORDS[kind])
        for kind in (answers.KNOWN, answers.NEW)
    )
    first = {"question": 1}
    lost = (
        " It has learned how to answer, but it cannot name what it has never met."
        if known.tuned_is_right and not new.tuned_is_right
        else ""
    )
    return [
        Stop(
            watch.CHANGE,
            "Does tuning help with a story that neither has read? Both get the same "
            f"tokens. {_both_say(shown, known)} The more questions are asked, the "
            "surer the count.",
            {**look, **first, "answers_words": answers.KNOWN},
        ),
        Stop(
            watch.CHANGE,
            "This story is about people and things that no training text ever named. "
            f"{_both_say(shown, new)}{lost}",
            {"answers_words": answers.NEW},
        ),
    ]


def _both_say(shown: Both, each: Answered) -> str:
    asked = each.asked.question
    return (
        f"Asked “{asked.text}”, {shown.base_name} goes on with “{_short(each.base)}”, "
        f"and {shown.tuning.id} answers “{_short(each.tuned)}”. The story says "
        f"“{asked.answer}”."
    )


def _short(said: str) -> str:
    line = said.replace("\n", " ").strip()
    if len(line) <= _LONGEST:
        return line
    return f"{line[:_LONGEST].rpartition(' ')[0] or line[:_LONGEST]} …"


def _inside(shown: Both) -> list[Stop]:
    """Show how little the weights moved, one change as a product, and the heads."""
    found = numbers.moved_weights(shown)
    layer, column = found.largest
    matrix = found.matrices[column]
    product = numbers.product(shown, layer, matrix)
    (rows, rank), columns = product.b.shape, product.a.shape[1]
    thin = (
        f"two thin ones, B and A, with {rank * (rows + columns):,} numbers instead of "
        f"{rows * columns:,}"
    )
    said = (
        f"Only {thin} were trained; multiplied, they are the whole change."
        if product.is_adapter
        else f"The nearest product of {thin}, already holds {product.held:.0%} of it."
    )
    return [
        Stop(
            watch.CHANGE,
            "What is different inside? Each cell is one matrix of weights, and its "
            "number says how far it moved, compared with its own size. Even the one "
            f"that moved furthest changed by only {found.relative[layer, column]:.1%}.",
            {watch.VIEW: watch.WEIGHTS, weights.MATRIX: _other(found.relative.shape)},
        ),
        Stop(
            watch.CHANGE,
            f"This is the change of {matrix} in layer {layer}. {said} Training only "
            "such thin matrices, and leaving all other weights alone, is called LoRA.",
            {weights.MATRIX: (layer, column)},
        ),
        Stop(
            watch.CHANGE,
            "Which heads look elsewhere now? On the left, the darker a head, the more "
            "its attention has changed. On the right, each head was switched off in "
            "turn: the darker, the more the answers needed it. Compare: are they the "
            "same heads?",
            {watch.VIEW: watch.HEADS},
        ),
    ]


def _other(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the last matrix of all: one more to see."""
    return shape[0] - 1, shape[1] - 1


def _name(token: LearnedToken) -> str:
    return f"“{display_piece(token.piece)}”"


def _probability(token: LearnedToken) -> str:
    return probability_text(math.exp(-token.loss))
