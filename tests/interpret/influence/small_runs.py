"""Trainings of a second: what a head grows out of, in small."""

import numpy as np

from minigpt.config import RunConfig, get_recipe
from minigpt.interpret.heads.scores import habit_cells
from minigpt.interpret.influence.habit import HeadHabit
from minigpt.interpret.influence.rerun import prepare_again

SIZES = {"d_model": 16, "max_seq_len": 16}
TRAIN = {"max_steps": 12, "batch_size": 4, "warmup_steps": 0}
TRAIN |= {"eval_interval": 50, "seed": 3, "num_threads": 1}


def repeats(model=SIZES, **train) -> RunConfig:
    """Return `induction-live`, smaller and shorter."""
    base = get_recipe("induction-live")
    return base.replace(
        data=base.data.replace(repeats_words=12).to_dict(),
        transformer=base.transformer.replace(**model).to_dict(),
        train=base.train.replace(
            **{**TRAIN, "checkpoint_steps": (), **train}
        ).to_dict(),
    )


def with_text(text_file, **train) -> RunConfig:
    """Return a pure GPT by characters, with dropout and AdamW alone."""
    base = get_recipe("gpt2")
    # A key's bias changes no attention weight: AdamW would make a step of its rounding.
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 12}
    sizes["bias"] = False
    return base.replace(
        data=base.data.replace(source=str(text_file)).to_dict(),
        transformer=base.transformer.replace(**sizes, dropout=0.1).to_dict(),
        train=base.train.replace(**{**TRAIN, **train}).to_dict(),
    )


def growing() -> RunConfig:
    """Return a training in which L0H0 learns induction, from 0.13 to 0.47."""
    rates = {"learning_rate": 0.03, "muon_learning_rate": 0.05}
    return repeats(max_steps=40, batch_size=8, **rates)


def habit_of(config, name="previous_token", layer=0, head=0) -> HeadHabit:
    """Return how far a head has a habit, in the windows of step 999."""
    inputs, _ = prepare_again(config).source.sampler.batch(999)
    windows = inputs.numpy()
    cells = np.stack([habit_cells(window)[name] for window in windows])
    return HeadHabit(layer, head, windows, cells)
