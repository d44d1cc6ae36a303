"""Training's tour before a run: the text, the model, the steps, and what can be asked.

It works before anything was trained. The tour of a run that has ended is in `run_tour`.
"""

import math

import streamlit as st

from minigpt.config import PRESETS, Config, DataConfig, RunConfig, get_recipe
from minigpt.config.ingredients import differences, text_recipes
from minigpt.datasets.repeated_words import example_window
from minigpt.errors import MinigptError
from minigpt.model.sizes import num_parameters
from minigpt.preparation.estimate import Estimate
from minigpt.worker.series import WIDTHS, shared_config
from pages.frame import words
from pages.frame.controls.tour import Stop
from pages.training import experiment, race, set_up, sizes

Settings = dict[str, object]

CHARACTERS, PIECES = "char", "bpe"
"""The kinds of token that are compared."""
SMALLEST = "tiny"
STEPS = 100
"""Steps at the stop that counts them."""


def stops(text: DataConfig | None) -> list[Stop]:
    """Write the tour of the page before a run.

    Args:
        text: What was chosen to learn from; None: built-in stories are shown.
    """
    recipe = get_recipe(set_up.DEFAULT)
    begin = _defaults(recipe)
    try:
        found = _estimates(recipe, text or DataConfig())
    except MinigptError:  # the reader's own text is too short for one of them
        text = None
        found = _estimates(recipe, DataConfig())
    if text is None:
        megabytes = DataConfig().tales_megabytes
        begin |= {"source": "tales", "data.tales_megabytes": megabytes}
    return [*_tokens(begin, *found), *_model(recipe, found[0]), *_others(), _last()]


def _estimates(recipe: RunConfig, data: DataConfig) -> tuple[Estimate, Estimate]:
    """Return what the page says of both kinds of token."""
    first, second = (
        set_up.estimate_of(
            recipe.replace(
                data=data.to_dict(),
                tokenizer=recipe.tokenizer.replace(kind=kind).to_dict(),
            )
        )
        for kind in (CHARACTERS, PIECES)
    )
    return first, second


def _defaults(recipe: RunConfig) -> Settings:
    """Return the settings that the numbers of the tour are true of."""
    name = recipe.recipe
    shown: list[tuple[Config, str]] = [
        (recipe.transformer, f"{name}.model.recipe"),
        (recipe.train, f"{name}.train.{STEPS}"),
        *((recipe.tokenizer, f"tokens.{kind}") for kind in (CHARACTERS, PIECES)),
    ]
    changed = {
        f"{prefix}.{field}": value
        for config, prefix in shown
        for field, value in config
        if st.session_state.get(f"{prefix}.{field}", value) != value
        and not isinstance(value, tuple)  # which is typed as a text
    }
    begin = {"aim": set_up.A_TEXT, "recipe": name, "size": "recipe"}
    return {**changed, **begin, "tokens.kind": CHARACTERS}


def _tokens(begin: Settings, letters: Estimate, pieces: Estimate) -> list[Stop]:
    """Say what is learned from, and where every loss begins."""
    some, more = (f"{each.vocab_size:,}" for each in (letters, pieces))
    return [
        Stop(
            set_up.TEXT,
            "A language model learns from text alone. Nobody writes down what is "
            "right: the right answer to every guess is the piece that comes next in "
            f"the text. This text has about {words.count(letters.text_tokens or 0)} "
            "such pieces. A piece is called a token; for now, each is one character.",
            begin,
        ),
        Stop(
            set_up.START,
            f"Before training, the model knows nothing: it gives each of the {some} "
            "tokens in its vocabulary about the same probability. How surprised it is "
            f"by the token that really comes is called the loss: ln {some}, which is "
            f"{math.log(letters.vocab_size):.2f} nats. Training begins up there and "
            "goes down.",
        ),
        Stop(
            set_up.START,
            "Now the tokens are pieces of words. The vocabulary has grown to "
            f"{more}, so the loss will begin at ln {more}, which is "
            f"{math.log(pieces.vocab_size):.2f} nats. But the same text has only "
            f"{words.count(pieces.text_tokens or 0)} tokens now, and each says more. "
            "Compare losses only where the tokens are the same.",
            {"tokens.kind": PIECES},
        ),
    ]


def _model(recipe: RunConfig, found: Estimate) -> list[Stop]:
    """Say what is trained, and what a step is."""
    tiny = recipe.transformer.replace(**PRESETS[SMALLEST], vocab_size=found.vocab_size)
    batch, context = recipe.train.batch_size, recipe.transformer.max_seq_len
    seen = STEPS * batch * context
    return [
        Stop(
            set_up.MODEL,
            "What learns is a large set of numbers, called weights or parameters. At "
            f"first they are random. The smallest size has "
            f"{words.count(num_parameters(tiny))} of them; the one that this recipe "
            f"was made for has {words.count(found.num_parameters)}.",
            {"tokens.kind": CHARACTERS, "size": SMALLEST},
        ),
        Stop(
            set_up.START,
            f"Training goes in steps. In each, the model reads {batch} stretches of "
            f"{context} tokens, and guesses every next token. Then all its weights "
            "are moved a little, so that the right tokens become likelier. "
            f"{STEPS} steps × {batch} × {context} are {seen:,} tokens: "
            f"{_of_the_text(seen, found.text_tokens or seen)}.",
            {"size": "recipe", f"{recipe.recipe}.train.max_steps": STEPS},
        ),
    ]


def _of_the_text(seen: int, whole: int) -> str:
    """Say how much of a text was read."""
    if seen < whole:
        return f"{seen / whole:.0%} of the text"
    return f"the text {words.times(seen, whole)} over"


def _others() -> list[Stop]:
    """Show the three experiments, without what comes out of them."""
    task, shared = experiment.RECIPE, shared_config(DataConfig())
    line = example_window(task.data.repeats_words, task.transformer.max_seq_len)
    first, second = text_recipes()[0], race.SECOND
    apart = len(differences(get_recipe(first), get_recipe(second)))
    return [
        Stop(
            experiment.TASK,
            "Some things are learned slowly, others all at once. Here a model reads "
            "random words that are repeated; equal words have equal colours. The first "
            "time, nobody can know the next word: the dotted line is the loss of "
            f"guessing, {line.uniform_loss:.2f} nats. The second time, it could look "
            "back and copy. Before it starts, you predict at which step it finds that "
            "out.",
            {"aim": set_up.COPY},
        ),
        Stop(
            race.DIFFERENCES,
            f"What makes training fast? Here two recipes race on one text. {first} "
            f"and {second} differ in {apart} ingredients, each with its reason. "
            "Switch one of them off, and the race shows what it was worth.",
            {"aim": set_up.RACE, "race_First": first, "race_Second": second},
        ),
        Stop(
            sizes.CHOICE,
            "And does a larger model predict better? Here the same text is read by "
            f"{len(WIDTHS)} sizes, for {shared.train.max_steps} steps each. From their "
            "losses you predict the loss of a larger one, and only then is it trained.",
            {"aim": set_up.BIG},
        ),
    ]


def _last() -> Stop:
    return Stop(
        set_up.START,
        "Your turn: choose, and start. The training goes on by itself, even if you "
        "leave this page. Come back to see how far the loss has fallen, which heads "
        "have formed and what the model writes by now.",
        {"aim": set_up.A_TEXT},
    )
