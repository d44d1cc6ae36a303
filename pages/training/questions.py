"""The Training page's closing questions: the run itself has the answers."""

from collections.abc import Iterator

from minigpt.checkpoint import Checkpoint
from minigpt.runs import RunStatus
from minigpt.runs.learning_to_copy import CopyingCurve
from pages.frame.questions import Question
from pages.training import recall_questions

_TIE = 0.03
"""Losses closer than this, in nats, are called neither higher nor lower."""


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without a run."""
    return [
        recall_questions.untrained(checkpoint),
        recall_questions.memorizing(),
        recall_questions.tokens_read(checkpoint),
    ]


def about_copying(curve: CopyingCurve, status: RunStatus) -> list[Question]:
    """Ask about a run on repeated words that learned to copy."""
    last = int(curve.steps[-1])
    begin, end = curve.change
    steps = sorted({3, end - begin, last // 2, last})
    shift = curve.first_loss_shift
    return [
        *_about_not_knowing(status, f"Untrained: {curve.first_loss[0]:.2f} nats."),
        Question(
            "training.how_long",
            f"Of {last} steps, how many did the induction score take to rise from a "
            "tenth to nine tenths of its final value?",
            [f"{each} steps" for each in steps],
            steps.index(end - begin),
            f"It began at step {begin} and was done at step {end}.",
        ),
        Question(
            "training.first_time",
            "While the loss on repeated words fell, what happened to the loss on "
            "words seen for the first time?",
            ("It fell too.", "It stayed the same.", "It rose."),
            0 if shift < -0.2 else 2 if shift > 0.2 else 1,
            f"At most, that loss was {abs(shift):.2f} nats "
            f"{'above' if shift > 0 else 'below'} its starting value.",
        ),
    ]


def about_a_text(status: RunStatus) -> list[Question]:
    """Ask about a run on a text; what has no clear answer is left out."""
    loss = status.validation_loss
    if loss is None or not status.baselines:
        return []
    questions = _about_not_knowing(
        status, f"The lowest loss of this run is {loss:.2f}."
    )
    beaten = [name for name, each in status.baselines.items() if loss < each - _TIE]
    options = ["none of them", *status.baselines]
    told = ", ".join(f"{name} {each:.2f}" for name, each in status.baselines.items())
    if all(abs(loss - each) > _TIE for each in status.baselines.values()):
        hardest = min(beaten, key=status.baselines.__getitem__, default=options[0])
        questions.append(
            Question(
                "training.baseline",
                "Which is the strongest of the counting baselines that this model "
                "beats?",
                options,
                options.index(hardest),
                f"Its loss on held-out text is {loss:.2f} nats; {told}.",
            )
        )
    if status.train_loss is not None and abs(status.train_loss - loss) > _TIE:
        questions.append(
            Question(
                "training.held_out",
                "At the end of training, which text surprises the model less?",
                ["the text it was trained on", "the held-out text"],
                int(loss < status.train_loss),
                f"Training {status.train_loss:.2f} nats, held out {loss:.2f}.",
            )
        )
    return questions


def _about_not_knowing(status: RunStatus, why: str) -> list[Question]:
    vocabulary, loss = status.vocab_size, status.uniform_loss
    if vocabulary is None or loss is None or vocabulary < 3:
        return []
    return [
        Question(
            "training.unknowable",
            f"An untrained model gives each of {vocabulary} tokens about the same "
            "probability. What is its loss?",
            ["0 nats", "1 nat", f"ln {vocabulary} nats", f"{vocabulary} nats"],
            2,
            f"ln {vocabulary} is {loss:.2f}. {why}",
        )
    ]
