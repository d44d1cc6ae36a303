"""Training against nanoGPT: the same text and split, and the time each takes to a loss.

    python benchmarks/training.py                        # time to nanoGPT's result
    python benchmarks/training.py --nanogpt ~/nanoGPT    # the real one beside it
    python benchmarks/training.py --budgets              # loss after 1, 3, 10 minutes
    python benchmarks/training.py --ingredients          # what each of them is worth

The peer is the recipe `gpt2` with the settings of the CPU example in nanoGPT's README.
With `--nanogpt` (a clone of github.com/karpathy/nanoGPT) the real model trains too, and
before that both get the same weights and batches and must give the same losses.

Every contender takes one slice of its run in each round, so a busy machine slows them
alike; only steps are timed. Losses are over the whole validation split, cut into
windows that do not overlap.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from nanogpt_peer import NanoGPT, same_losses

from minigpt.config import RunConfig, get_recipe
from minigpt.config.ingredients import differences, taking
from minigpt.preparation.preparation import assemble
from minigpt.training.schedule import build_schedule
from minigpt.training.step import StepSetup, take_step

TARGET = 1.898
"""What nanoGPT's CPU example ends with, in nats per character."""
ROUNDS = 20
TEXT = Path("data/texts/tinyshakespeare.txt")
BUDGETS = ("default", "three-minutes", "ten-minutes")


class Contender:
    """A run of ours that can be taken a few steps further, and its clock."""

    def __init__(self, config: RunConfig, text: Path, seed: int) -> None:
        data = config.data.replace(source=str(text)).to_dict()
        train = config.train.replace(seed=seed).to_dict()
        prepared = assemble(
            config.replace(data=data, train=train), Path(os.devnull), None
        )
        self.config, self.total = prepared.config.train, prepared.total_steps
        self.trainer = prepared.build_trainer(())
        self.sampler = prepared.source.sampler
        self.optimizer = self.trainer.optimizer
        self.schedule = build_schedule(self.optimizer, self.config, self.total)
        self.step, self.seconds = 0, 0.0

    def advance(self, until: int) -> None:
        """Train up to a step, and count the time."""
        setup = StepSetup(self.config, self.trainer.team)
        start = time.perf_counter()
        while self.step < until:
            batch = self.sampler.batch(self.step)
            take_step(self.trainer.model, self.optimizer, batch, self.step, setup)
            self.schedule.step()
            self.step += 1
        self.seconds += time.perf_counter() - start

    def loss(self) -> float:
        """Return the loss on the whole validation split."""
        return self.trainer.evaluate()


def nanogpts_settings(text: Path, seed: int) -> Contender:
    """Return the recipe `gpt2`, begun as nanoGPT begins: small weights, no biases."""
    recipe = get_recipe("gpt2")
    model = recipe.transformer.replace(bias=False).to_dict()
    contender = Contender(recipe.replace(transformer=model), text, seed)
    torch.manual_seed(seed)
    for name, weight in contender.trainer.model.named_parameters():
        writes = name.endswith("output.weight")
        std = 0.02 / (2 * model["num_layers"]) ** 0.5 if writes else 0.02
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=std)
    return contender


class Finish(NamedTuple):
    """How one contender's run went."""

    loss: float
    """At its end."""
    seconds: float
    """Of all steps."""
    reached: float | None
    """Seconds to the target, if it got there."""


Maker = Callable[[Path, int], Contender | NanoGPT]


def recipe(name: str) -> Maker:
    """Return what makes a run of a recipe from a text and a seed."""
    return lambda text, seed: Contender(get_recipe(name), text, seed)


def race(makers: dict[str, Maker], text: Path, seed: int) -> dict[str, Finish]:
    """Train all side by side."""
    runs = {name: make(text, seed) for name, make in makers.items()}
    reached: dict[str, float] = {}
    losses: dict[str, float] = {}
    for number in range(1, ROUNDS + 1):
        order = list(runs) if number % 2 else list(reversed(runs))
        for name in order:
            runs[name].advance(runs[name].total * number // ROUNDS)
        for name, run in runs.items():
            if number > ROUNDS // 4 and name not in reached:
                losses[name] = run.loss()
                if losses[name] <= TARGET:
                    reached[name] = run.seconds
    losses |= {name: run.loss() for name, run in runs.items()}
    return {
        name: Finish(losses[name], run.seconds, reached.get(name))
        for name, run in runs.items()
    }


def spread(values: Sequence[float], digits: int) -> str:
    """Write a median, and the least and the most.

    >>> spread([3.0, 1.0, 2.0], 1)
    '2.0 (1.0 to 3.0)'
    """
    median = statistics.median(values)
    ends = f"{min(values):.{digits}f} to {max(values):.{digits}f}"
    return f"{median:.{digits}f} ({ends})"


def time_to_target(makers: dict[str, Maker], text: Path, seeds: int) -> None:
    """Print each contender's time to the target, and how many times quicker it was.

    A peer that ends just above the target is taken to reach it with its last step.
    """
    found = [race(makers, text, seed) for seed in range(seeds)]
    peer = next(iter(makers))
    print(
        f"{'':<20}{'loss at the end':<26}{'seconds in all':<26}"
        f"{f'seconds to {TARGET}':<22}against {peer}"
    )
    for name in makers:
        runs = [each[name] for each in found]
        theirs = [each[peer].reached or each[peer].seconds for each in found]
        own = [run.reached for run in runs if run.reached is not None]
        ratio = "—"
        if len(own) == seeds and name != peer:
            ratios = [their / mine for their, mine in zip(theirs, own, strict=True)]
            ratio = f"{spread(ratios, 1)} ×"
        print(
            f"{name:<20}{spread([run.loss for run in runs], 3):<26}"
            f"{spread([run.seconds for run in runs], 1):<26}"
            f"{spread(own, 1) if len(own) == seeds else f'{len(own)} of {seeds}':<22}"
            f"{ratio}",
            flush=True,
        )


def whole_runs(runs: dict[str, RunConfig], text: Path, seeds: int) -> None:
    """Print each configuration's loss at its end, and how long that took."""
    for name, config in runs.items():
        losses, seconds = [], []
        for seed in range(seeds):
            run = Contender(config, text, seed)
            run.advance(run.total)
            losses.append(run.loss())
            seconds.append(run.seconds)
        print(f"{name:<24}{spread(losses, 3):<28}{spread(seconds, 1)} s", flush=True)


def one_by_one(whole: RunConfig, plain: RunConfig) -> dict[str, RunConfig]:
    """Return a run, and it with each of its ingredients as the plain run has it."""
    names = [each.ingredient.name for each in differences(whole, plain)]
    changed = {f"gpt2's {name}": taking(whole, plain, [name]) for name in names}
    return {whole.recipe: whole, **changed}


def main() -> None:
    """Read the arguments, train, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=TEXT)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--nanogpt", type=Path, help="a clone of nanoGPT")
    parser.add_argument("--budgets", action="store_true")
    parser.add_argument("--ingredients", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    text, seeds = arguments.text.absolute(), arguments.seeds
    if arguments.budgets:
        whole_runs({name: get_recipe(name) for name in BUDGETS}, text, seeds)
    elif arguments.ingredients:
        whole_runs(one_by_one(get_recipe("speedrun"), get_recipe("gpt2")), text, seeds)
    else:
        makers: dict[str, Maker] = {"nanoGPT's settings": nanogpts_settings}
        if arguments.nanogpt is not None:
            same_losses(arguments.nanogpt, nanogpts_settings(text, 0))
            makers = {"nanoGPT": NanoGPT.maker(arguments.nanogpt), **makers}
        makers |= {name: recipe(name) for name in ("speedrun", "quick", "default")}
        time_to_target(makers, text, seeds)


if __name__ == "__main__":
    main()
