"""Are the windows that are said to have built a head those that it needs?

Five seeds of `induction-live` are trained as the app trains them. Of each, the
strongest induction head is traced back to the windows of its text; then the run is
trained again without the 2% of all windows that helped most, and without as many drawn
at random from those read before the head formed. All else is the same, bit for bit.
Without the first the head must form at least 50% later, without the second at most 10%
later, and the whole study may take two minutes. Beside it: the 2% that TracIn names
(Pruthi et al. 2020, arXiv:2002.08484, with a snapshot at every step), and 2% at random
of the whole run.

    python benchmarks/influence.py
    python benchmarks/influence.py --text data/texts/tinyshakespeare.txt

With a text of one's own: the recipe `quick` on it, one seed, and the three heads whose
habits grew most. What comes of it is printed; nothing is required.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional as F

import minigpt
from minigpt.checkpoint import Checkpoint
from minigpt.config import RunConfig, get_recipe
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.heads.habits import HabitCells, text_habits
from minigpt.interpret.influence.findings import Proof
from minigpt.interpret.influence.growth import Growth
from minigpt.interpret.influence.habit import HeadHabit, Weights
from minigpt.interpret.influence.rerun import Rerun, Window, batch_of
from minigpt.interpret.influence.rises import rises, scores_of
from minigpt.interpret.influence.study import Study
from minigpt.model import TransformerLM
from minigpt.runs.store import Run, RunStore
from minigpt.training.schedule import schedule_factor
from minigpt.worker.worker import train_run

SHARE, TOP_LATER, RANDOM_LATER, SECONDS = 0.02, 0.5, 0.1, 120.0


def main() -> int:
    """Measure, print; fail if a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--text", type=Path, help="a text of one's own instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        if arguments.text is not None:
            report_text(store, arguments.text)
            return 0
        passed = [report_seed(store, seed) for seed in range(arguments.seeds)]
    print(f"{sum(passed)} of {len(passed)} seeds pass")
    return 0 if all(passed) else 1


def report_seed(store: RunStore, seed: int) -> bool:
    """Print one seed's row; return whether it meets every requirement."""
    base = get_recipe("induction-live")
    run = trained(store, base.replace(train=base.train.replace(seed=seed).to_dict()))
    last, windows, habits = opened(run)
    at = list(habits.cells).index("induction")
    scores = scores_of(last.model, windows, habits)[at]
    layer, head = map(int, np.unravel_index(scores.argmax(), scores.shape))
    habit = HeadHabit(layer, head, windows, habits.cells["induction"])
    begin = time.monotonic()
    study, proof = studied(last, habit, run)
    seconds = time.monotonic() - begin
    formed, count = study.known().formed, proof.removed
    ranked = tracin(study).ravel().argsort()[::-1][:count]
    by_tracin = {Window(*divmod(int(each), study_rows(study))) for each in ranked}
    rng = np.random.default_rng(seed)
    drawn = rng.choice(study.total * study_rows(study), count, replace=False)
    anywhere = {Window(*divmod(int(each), study_rows(study))) for each in drawn}
    print(
        f"seed {seed}: L{layer}H{head} formed at step {formed}; without {count} of "
        f"{study.known().windows.size:,} windows: {said(proof)}; TracIn's "
        f"{percent(later_without(study, proof, by_tracin))}, 2% of the whole run "
        f"{percent(later_without(study, proof, anywhere))}; drift "
        f"{max(study.known().drift.values()):.2g}; {seconds:.0f} s",
        flush=True,
    )
    top, others = proof.later(proof.without_top), proof.later(proof.without_random)
    return (
        (top is None or top >= TOP_LATER)
        and (others is not None and others <= RANDOM_LATER)
        and seconds <= SECONDS
    )


def report_text(store: RunStore, text: Path, heads: int = 3) -> None:
    """Print what comes of three heads of a run on a text of one's own."""
    base = get_recipe("quick")
    run = trained(
        store, base.replace(data=base.data.replace(source=str(text)).to_dict())
    )
    last, windows, habits = opened(run)
    untrained = minigpt.load(str(run.to_look_at()[0].path))
    scores = tuple(scores_of(each.model, windows, habits) for each in (untrained, last))
    model = last.model
    assert isinstance(model, TransformerLM)
    places = np.ndindex(model.config.num_layers, model.config.num_heads)
    grown = [
        (rise, place) for place in places for rise in rises(habits, scores, *place)[:1]
    ]
    grown.sort(key=lambda each: -each[0].size)
    for rise, (layer, head) in grown[:heads]:
        begin = time.monotonic()
        habit = HeadHabit(layer, head, windows, habits.cells[rise.habit])
        study, proof = studied(last, habit, run)
        print(
            f"L{layer}H{head}, {rise.habit} {rise.first:.2f} → {rise.last:.2f}, formed "
            f"at step {study.known().formed}; without {proof.removed} of "
            f"{study.known().windows.size:,} windows: {said(proof)}; "
            f"{time.monotonic() - begin:.0f} s",
            flush=True,
        )


def trained(store: RunStore, config: RunConfig) -> Run:
    """Train a run as the app does."""
    one_thread = config.train.replace(num_threads=1)
    run = store.create(config.replace(train=one_thread.to_dict()))
    train_run(run)
    return run


def opened(run: Run) -> tuple[Checkpoint, Float[np.ndarray, "window pos"], HabitCells]:
    """Return the last checkpoint, and held-out text with the habits that it shows."""
    last = minigpt.load(str(run.to_look_at()[-1].path))
    length = min(64, last.model.config.max_seq_len)
    windows = held_out_windows(last.metadata, last.tokenizer, length)
    return last, windows, text_habits(last.tokenizer, windows)


def studied(last: Checkpoint, habit: HeadHabit, run: Run) -> tuple[Study, Proof]:
    """Trace a head back, and train again without what helped most."""
    study = Study(last, habit, dict(run.to_look_at()))
    for _ in study.find():
        pass
    count = study.count_of(SHARE)
    for _ in study.prove(count):
        pass
    return study, study.proofs[count]


def study_rows(study: Study) -> int:
    """Return how many windows a step reads."""
    return study.prepared.config.train.batch_size


def tracin(study: Study) -> Float[np.ndarray, "step row"]:
    """Return −lr · ∇ score · ∇ loss of each window, at the step that read it."""
    rerun, config = Rerun(study.prepared), study.prepared.config.train
    found = np.zeros((study.known().formed, study_rows(study)))
    weights: Weights = dict(rerun.model.named_parameters())
    for step in range(len(found)):
        rerun.model.eval()
        score = study.habit.score(rerun.model, weights)
        wanted = torch.autograd.grad(
            score, list(weights.values()), materialize_grads=True
        )
        rate = schedule_factor(step, config, study.total)
        inputs, labels = batch_of(study.prepared.source.sampler, step)
        for row in range(len(inputs)):
            loss = F.cross_entropy(rerun.model(inputs[row : row + 1])[0], labels[row])
            own = torch.autograd.grad(
                loss, list(weights.values()), materialize_grads=True
            )
            product = sum(
                float((a * b).sum()) for a, b in zip(own, wanted, strict=True)
            )
            found[step, row] = -rate * product
        rerun.advance()
    return found


def later_without(study: Study, proof: Proof, removed: set[Window]) -> float | None:
    """Return by what share the head forms later without some windows."""
    rerun, growth = Rerun(study.prepared, removed), Growth()
    while rerun.step < proof.last:
        growth.follow(study.habit, rerun)
    return proof.later(growth)


def said(proof: Proof) -> str:
    """Say how much later the head formed, and any head of the model."""
    words: Sequence[str] = [
        f"{name} {percent(proof.later(it))} (any head {percent(proof.any_later(it))})"
        for name, it in (("top", proof.without_top), ("random", proof.without_random))
    ]
    return ", ".join(words)


def percent(share: float | None) -> str:
    """Write a share with its sign.

    >>> percent(0.123), percent(None)
    ('+12%', 'over +100%')
    """
    return "over +100%" if share is None else f"{share:+.0%}"


if __name__ == "__main__":
    sys.exit(main())
