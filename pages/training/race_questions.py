"""What the Training page asks after a race: answers read off the two journals."""

from collections.abc import Sequence

from minigpt.runs import RunStatus
from minigpt.runs.race_results import Lane, current_result
from pages.frame.questions import Question

NEITHER = "neither, by 0.02 nats"


def about_race(
    lanes: Sequence[Lane], statuses: Sequence[RunStatus], names: tuple[str, str]
) -> list[Question]:
    """Ask what decided it; what has no clear answer is left out."""
    first, second = lanes
    questions = []
    speeds = [float(each.tokens[-1] / each.seconds[-1]) for each in lanes]
    if max(speeds) > 1.05 * min(speeds):
        questions.append(
            Question(
                "training.race_speed",
                "Which of the two read more tokens in a second?",
                names,
                int(speeds[1] > speeds[0]),
                f"{speeds[0]:,.0f} and {speeds[1]:,.0f} tokens/s.",
            )
        )
    if (same := current_result(first, second, by="tokens")) is not None:
        questions.append(
            Question(
                "training.race_tokens",
                f"After the same {same.place:,.0f} tokens, which of the two had the "
                "lower loss on its training text?",
                (*names, NEITHER),
                2 if same.leader is None else same.leader,
                f"{same.losses[0]:.2f} and {same.losses[1]:.2f} nats.",
            )
        )
    uniform, vocabulary = statuses[0].uniform_loss, statuses[0].vocab_size
    if uniform is not None and vocabulary is not None and vocabulary > 2:
        questions.append(
            Question(
                "training.race_start",
                "Where do both curves begin, whatever the recipe?",
                ("at 0", "near the uniform line", "near the bigram line"),
                1,
                f"Untrained, both guess evenly among {vocabulary} tokens: "
                f"ln {vocabulary} is {uniform:.2f} nats.",
            )
        )
    return questions
