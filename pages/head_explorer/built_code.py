"""Code, Save and origin of what is traced back: the lines that do it in a notebook."""

from pathlib import Path

from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.heads.habits import text_habits
from minigpt.interpret.influence.findings import Found, Proof
from minigpt.interpret.influence.habit import HeadHabit
from minigpt.interpret.influence.study import influence_of_windows, proof_of
from minigpt.library.catalogue import find_model
from minigpt.places import data_directory
from pages.frame import models, notebook, provenance
from pages.head_explorer import built_numbers
from pages.head_explorer.built_numbers import Work

_ALSO = (find_model, data_directory, held_out_windows, text_habits, HeadHabit)


def show_influence(work: Work, found: Found) -> None:
    """Show the origin of the largest influence, and the lines that find them all."""
    window = found.ranked[0]
    name = f"influence of row {window.row} of step {window.step}"
    provenance.show_working(name, found.explain(window), Found.explain)
    notebook.show(
        "influence",
        influence_of_windows,
        "influence_of_windows(checkpoint, habit, copies)",
        drawn=found.windows,
        begin=_opening(work),
        also=_ALSO,
    )


def show_proof(work: Work, proof: Proof) -> None:
    """Show the lines that train three times."""
    call = f"proof_of(checkpoint, habit, copies, {proof.removed})"
    notebook.show(
        "proof",
        proof_of,
        f"[growth.scores for growth in {call}.trainings]",
        drawn=[growth.scores for growth in proof.trainings],
        begin=_opening(work),
        also=_ALSO,
    )


def _opening(work: Work) -> str:
    """Return the lines that load the run's last checkpoint and name the habit."""
    entry, habit = models.chosen_entry(), work.study.habit
    steps = dict(entry.steps)
    last: Path = steps[max(steps)]
    count, length = built_numbers.windows_of(built_numbers.last_of(steps)).shape
    return notebook.naming(
        checkpoint=f"minigpt.load({str(last)!r})",
        copies=f"dict(find_model(data_directory(), {entry.id!r}).steps)",
        windows="held_out_windows(checkpoint.metadata, checkpoint.tokenizer, "
        f"{length}, {count})",
        cells=f"text_habits(checkpoint.tokenizer, windows).cells[{work.habit!r}]",
        habit=f"HeadHabit({habit.layer}, {habit.head}, windows, cells)",
    )
