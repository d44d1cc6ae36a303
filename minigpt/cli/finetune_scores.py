"""`finetune evaluate`: how often a fine-tuned model is right, and what it forgot."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import flag, parse
from minigpt.errors import DataError

if TYPE_CHECKING:
    from minigpt.finetuning.measuring import ExactMatch, TalesScores


@dataclasses.dataclass(frozen=True)
class FinetuneEvaluateArguments:
    """Which model to ask, and what to compare it with."""

    model_path: Annotated[
        str | None, flag("A checkpoint or run directory, a run's name or a model's.")
    ] = None
    base: Annotated[
        str | None, flag("Its base (none: the one its checkpoint names).")
    ] = None
    data_file: Annotated[
        str | None,
        flag("Your own conversations, to be answered word for word."),
    ] = None
    questions: Annotated[int, flag("How many questions about tales.")] = 200


def evaluate(words: Sequence[str]) -> int:
    """Run `finetune evaluate`."""
    arguments = parse(
        FinetuneEvaluateArguments,
        words,
        "finetune evaluate",
        "Ask a fine-tuned model questions.",
    )
    from minigpt.checkpoint import load_checkpoint
    from minigpt.datasets.conversation_files import recognise_conversations
    from minigpt.finetuning.fitting import leave_out_long
    from minigpt.finetuning.measuring import exact_replies, measure

    path = find_checkpoint(arguments.model_path)
    tuned = load_checkpoint(path)
    say(f"checkpoint      {path} (step {tuned.metadata.step})")
    known = tuned.metadata.provenance.get("finetune") or {}
    wanted = arguments.base or known.get("base")
    base = None if wanted is None else load_checkpoint(find_checkpoint(wanted))
    if base is None:
        note("Its checkpoint names no base: give --base to compare.")
    if arguments.data_file is not None:
        found = recognise_conversations(arguments.data_file)
        window = tuned.model.config.max_seq_len
        fitting = leave_out_long(found.examples, tuned.tokenizer, window)
        note(f"{found.remark} {fitting.remark}".strip())
        score = exact_replies(tuned, fitting.kept)
        say(f"exact match     {score.right} of {score.number} answers, word for word")
        return 0
    if arguments.questions < 1:
        raise DataError("--questions must be at least 1.")
    show(measure(tuned, base, arguments.questions))
    return 0


def show(measured: "TalesScores") -> None:
    """Print each score, with those of the base and of a guess without reading."""
    _show_exact_match("held-out questions", measured.exact_match)
    _show_exact_match("words it never saw", measured.new_words)
    for margin in measured.margins:
        say(
            f"prefers {margin.kind:<7} {margin.wins.right} of {margin.wins.number} "
            f"pairs, margin {margin.margin:.2f} nats"
        )
    before = measured.plain_loss_before
    was = "" if before is None else f" (before: {before:.3f})"
    say(f"plain stories   {measured.plain_loss:.3f} nats per token{was}")


def _show_exact_match(what: str, rows: "list[ExactMatch]") -> None:
    say(f"exact match on {what} (greedy)")
    say(f"  {'kind':<14}{'questions':>9}{'tuned':>8}{'base':>8}{'without reading':>17}")
    for row in rows:
        base = "–" if row.base is None else f"{row.base.share:.2f}"
        say(
            f"  {row.kind:<14}{row.tuned.number:>9}{row.tuned.share:>8.2f}{base:>8}"
            f"{row.without_reading:>17.2f}"
        )
