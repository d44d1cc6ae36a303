"""Do circuits hold, and does attribution tell the truth about removals?

On 200 prompts of each model's own held-out text: a circuit of at most 15% of the nodes
should keep 90% to 110% of the logit difference on 80% of them; the effects predicted
for the parts should go with those of replacing each by its mean, r ≥ 0.95 in the mean
over the prompts; and a prompt should take at most 10 seconds. The models are `tales`
and a character model that is trained here in seconds, which must pass; and `induction`,
whose circuit must run from L0H0 through the keys of L1H0 and L1H1.

    python benchmarks/circuit.py
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import minigpt
from minigpt.checkpoint import Checkpoint
from minigpt.config import get_recipe
from minigpt.interpret.circuits.edges import edges_between
from minigpt.interpret.circuits.frozen import freeze
from minigpt.interpret.circuits.keeping import ask
from minigpt.interpret.circuits.nodes import Means, mean_values, parts_of
from minigpt.interpret.circuits.search import find_circuit
from minigpt.interpret.circuits.survey import Survey, try_prompt
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.openings.opening import held_out_prompts
from minigpt.model import TransformerLM
from minigpt.runs.store import RunStore
from minigpt.training.callbacks import TrainerCallback
from minigpt.worker.worker import train_run

MODELS = Path(__file__).parent.parent / "data" / "models"
LENGTHS = {"induction": 24}
"""Tokens of a prompt; 16 for the others."""

REQUIRED_PROMPTS, REQUIRED_R, REQUIRED_SECONDS = 0.8, 0.95, 10.0
EXPECTED = {("L0H0", "L1H0"), ("L0H0", "L1H1")}
"""What composition singles out in `induction`."""


class Measured(NamedTuple):
    """One model's prompts."""

    survey: Survey
    seconds: list[float]
    """Of the processor, for each prompt."""


def main() -> int:
    """Measure, print; fail if a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=200)
    prompts = parser.parse_args().prompts
    torch.set_num_threads(1)
    passed = True
    for name in ("tales", "induction"):
        checkpoint = minigpt.load(MODELS / name)
        passed &= report(name, measure(checkpoint, LENGTHS.get(name, 16), prompts))
    passed &= report_keys(minigpt.load(MODELS / "induction"))
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = train(Path(directory))
        passed &= report("by characters", measure(checkpoint, 16, prompts))
    return 0 if passed else 1


def train(directory: Path) -> Checkpoint:
    """Train a character model of tales, as the recipe `quick` does."""
    recipe = get_recipe("quick").replace(data={"source": "tales", "tales_megabytes": 2})
    run = RunStore(directory).create(recipe, "characters")
    quiet = TrainerCallback()
    quiet.reports = True
    train_run(run, callbacks=[quiet])
    return minigpt.load(run.best or run.checkpoints()[-1].path)


def means_of(checkpoint: Checkpoint) -> Means:
    """Average the parts over sixteen held-out windows, as the page does."""
    model, tokenizer, metadata = checkpoint
    length = min(64, model.config.max_seq_len)
    return mean_values(model, held_out_windows(metadata, tokenizer, length, 16))


def measure(checkpoint: Checkpoint, length: int, count: int) -> Measured:
    """Search, prove and time the circuits of some prompts."""
    model, means = checkpoint.model, means_of(checkpoint)
    assert isinstance(model, TransformerLM)
    trials, seconds = [], []
    for _, tokens in held_out_prompts(checkpoint, length, count):
        begun = time.process_time()
        trial = try_prompt(model, tokens, means)
        if trial is not None:
            trials.append(trial)
            seconds.append(time.process_time() - begun)
    return Measured(Survey(trials), seconds)


def report(name: str, found: Measured) -> bool:
    """Print one model's figures; say whether they are what is asked."""
    survey, seconds = found
    shares = [trial.circuit.share for trial in survey.trials]
    print(
        f"{name}: {len(survey.trials)} prompts; a small circuit on "
        f"{survey.holding:.1%}, median {survey.median_size:.1%} of the nodes, keeping "
        f"{np.median(shares):.2f}; r = {survey.mean_correlation:.3f} of the "
        f"{survey.predicted.shape[1]} parts' means, {survey.single_correlation:.3f} of "
        f"{survey.predicted.size} single removals; seconds of the processor: median "
        f"{np.median(seconds):.2f}, p95 {np.quantile(seconds, 0.95):.2f}, most "
        f"{max(seconds):.2f}",
        flush=True,
    )
    return name == "induction" or bool(
        survey.holding >= REQUIRED_PROMPTS
        and survey.mean_correlation >= REQUIRED_R
        and np.quantile(seconds, 0.95) <= REQUIRED_SECONDS
    )


def report_keys(checkpoint: Checkpoint, count: int = 30) -> bool:
    """Print which heads' outputs the circuits of `induction` use as keys."""
    model, means = checkpoint.model, means_of(checkpoint)
    assert isinstance(model, TransformerLM)
    parts, found = parts_of(model), Counter[tuple[str, str]]()
    for _, tokens in held_out_prompts(checkpoint, LENGTHS["induction"], count):
        run = freeze(model, ask(model, tokens, means), means)
        edges = edges_between(run, find_circuit(run).kept)
        found.update(
            {
                (parts[edge.source.part].name, parts[edge.target.part].name)
                for edge in edges
                if edge.target is not None
                and edge.through == "key"
                and parts[edge.source.part].kind == "head"
                and edge.share >= 0.1 * run.difference
            }
        )
    lines = ", ".join(f"{a} → {b} on {n}" for (a, b), n in found.most_common())
    print(f"induction, from head to key, of {count} prompts: {lines}", flush=True)
    return {pair for pair, _ in found.most_common(2)} == EXPECTED


if __name__ == "__main__":
    sys.exit(main())
