"""Does the recipe `induction` give an induction circuit, whatever the seed?

Five seeds are trained from nothing, as `data/make_models.py induction` does it. Each
must show what the app tells of the shipped one: a head of layer 0 that reads the
previous token, heads of layer 1 that copy, a change within a hundred steps with ten
checkpoints inside it; and when the head of layer 0 is cut, copying is gone, while
cutting its neighbour changes nothing. Four of the five seeds must pass every line.

    python benchmarks/induction.py
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import minigpt
from minigpt.config import get_recipe
from minigpt.datasets.repeated_words import PROMPTS, repeated_words
from minigpt.interpret.heads.repetition import Repetition, read_repetition
from minigpt.interpret.interventions.ablation import measure
from minigpt.interpret.interventions.interventions import (
    fwd_hooks,
    read_ablation,
    record,
)
from minigpt.model import TransformerLM
from minigpt.runs.checkpoints import SavedStep
from minigpt.runs.learning_to_copy import (
    CopyingCurve,
    read_copying,
    repetition_record,
)
from minigpt.runs.store import RunStore
from minigpt.tokenizers import Tokenizer
from minigpt.training.callbacks import TrainerCallback
from minigpt.worker.worker import train_run

WINDOWS = 32
REQUIRED_SEEDS = 0.8
CUT, CONTROL = ("L0H0 zero", "L0H0 mean"), ("L0H1 zero", "L0H1 mean")
OTHERS = ("L1H0 zero", "L1H1 zero")


@dataclass(frozen=True)
class Prompt:
    """What a model makes of a text that only copying can continue."""

    before: float
    """Probability of the word that follows."""
    after: float
    """The same, with the previous-token head cut to zero."""


@dataclass(frozen=True)
class Measured:
    """A model and its checkpoints."""

    whole: Repetition
    cuts: dict[str, Repetition]
    prompts: list[Prompt]
    curve: CopyingCurve
    """What each checkpoint makes of words that are said twice."""

    @property
    def inside(self) -> int:
        """Checkpoints from 10% to 90% of the change."""
        begin, end = self.curve.change
        return sum(begin <= step <= end for step in self.curve.steps)

    @property
    def previous_token(self) -> float:
        """The score of L0H0."""
        return float(self.whole.scores.previous_token[0, 0])


LINES: dict[str, Callable[[Measured], bool]] = {
    "L0H0 previous token >= .60": lambda m: m.previous_token >= 0.60,
    "induction >= .80": lambda m: m.whole.induction >= 0.80,
    "loss on repeats <= .30": lambda m: m.whole.second_loss <= 0.30,
    "cut: induction <= .10": lambda m: all(
        m.cuts[cut].induction <= 0.10 for cut in CUT
    ),
    "cut: loss >= 4.8": lambda m: all(m.cuts[cut].second_loss >= 4.8 for cut in CUT),
    "control: induction changes <= .03": lambda m: all(
        abs(m.cuts[cut].induction - m.whole.induction) <= 0.03 for cut in CONTROL
    ),
    "control: loss changes <= .10": lambda m: all(
        abs(m.cuts[cut].second_loss - m.whole.second_loss) <= 0.10 for cut in CONTROL
    ),
    "10-90% within 100 steps": lambda m: m.curve.change[1] - m.curve.change[0] <= 100,
    "10 checkpoints inside": lambda m: m.inside >= 10,
    "3 prompts: p >= .7, <= .05 cut": lambda m: (
        sum(p.before >= 0.7 and p.after <= 0.05 for p in m.prompts) >= 3
    ),
}
"""What must hold, in the order in which it is printed."""


def main() -> int:
    """Train, measure, print; fail if a line holds in fewer than four of five seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    measured = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as directory:
            measured.append(train(Path(directory), seed))
        print(told(seed, measured[-1]))
    print()
    enough = True
    for line, holds in LINES.items():
        passed = sum(map(holds, measured))
        enough = enough and passed >= REQUIRED_SEEDS * seeds
        print(f"{line:35} {passed} of {seeds} seeds")
    return 0 if enough else 1


def train(directory: Path, seed: int) -> Measured:
    """Train one seed, and measure it."""
    recipe = get_recipe("induction")
    settings = recipe.train.replace(seed=seed, num_threads=1).to_dict()
    run = RunStore(directory).create(recipe.replace(train=settings), f"seed-{seed}")
    quiet = TrainerCallback()
    quiet.reports = True
    train_run(run, callbacks=[quiet])
    chosen = set(recipe.train.checkpoint_steps)
    return measure_all([saved for saved in run.checkpoints() if saved.step in chosen])


def measure_all(steps: Sequence[SavedStep]) -> Measured:
    """Measure a model's checkpoints, the last of them in detail.

    Args:
        steps: In order.
    """
    model, tokenizer, _ = minigpt.load(steps[-1].path)
    windows = said_twice(model, tokenizer)
    curve = read_copying(
        repetition_record(step, read_repetition(minigpt.load(path).model, windows))
        for step, path in steps
    )
    assert curve is not None
    return Measured(
        whole=read_repetition(model, windows),
        cuts={
            cut: read_cut_off(model, windows, cut) for cut in (*CUT, *CONTROL, *OTHERS)
        },
        prompts=[read_prompt(model, tokenizer, *prompt) for prompt in PROMPTS],
        curve=curve,
    )


def said_twice(model: TransformerLM, tokenizer: Tokenizer) -> torch.Tensor:
    """Return the windows that a run measures itself on."""
    num_words = get_recipe("induction").data.repeats_words
    source = repeated_words(tokenizer, num_words, model.config.max_seq_len)
    return source.said_twice(WINDOWS)


@torch.inference_mode()
def read_cut_off(model: TransformerLM, windows: torch.Tensor, cut: str) -> Repetition:
    """Let a model read with a part cut; its mean is over these windows."""
    cuts = [read_ablation(cut)]
    with model.hooks(fwd_hooks=fwd_hooks(model, cuts, record(model, cuts, windows))):
        return read_repetition(model, windows)


def read_prompt(
    model: TransformerLM, tokenizer: Tokenizer, prompt: str, answer: str
) -> Prompt:
    """Let a model continue a text, whole and with its previous-token head cut."""
    effect = measure(model, tokenizer.encode(prompt), [read_ablation(CUT[0])])
    (token,) = tokenizer.encode(answer)
    return Prompt(float(effect.before[token]), float(effect.after[token]))


def told(seed: int, m: Measured) -> str:
    """Say what was measured, over a few lines."""
    (begin, end), whole = m.curve.change, m.whole
    cuts = "; ".join(
        f"{cut} {read.induction:.2f} {read.second_loss:.2f}"
        for cut, read in m.cuts.items()
    )
    prompts = " ".join(f"{p.before:.2f}/{p.after:.3f}" for p in m.prompts)
    curve = m.curve
    return (
        f"seed {seed}: L0H0 previous token {m.previous_token:.2f}, induction "
        f"{curve.induction[0]:.3f} -> {whole.induction:.2f}, loss on repeats "
        f"{curve.second_loss[0]:.2f} -> {whole.second_loss:.3f}, first time at most "
        f"{curve.first_loss.max():.2f}\n"
        f"  change from step {begin} to {end}, {m.inside} checkpoints inside; half: "
        f"score {curve.score_step}, loss {curve.loss_step}\n"
        f"  cut (induction, loss): {cuts}\n"
        f"  prompts (whole/cut): {prompts}"
    )


if __name__ == "__main__":
    sys.exit(main())
