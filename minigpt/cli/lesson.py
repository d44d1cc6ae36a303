"""`lesson`: write a model and the lessons about it as one file for any browser.

Or as a package for a learning platform, which keeps what a reader answered in it.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.errors import DataError
from minigpt.library.catalogue import available_models
from minigpt.places import data_directory

if TYPE_CHECKING:
    from minigpt.checkpoint import Checkpoint
    from minigpt.runs.checkpoints import SavedStep

_DESCRIPTION = "Write a model and the lessons about it as one HTML file."


@dataclasses.dataclass(frozen=True)
class LessonArguments:
    """What to write, and where."""

    page: Annotated[
        tyro.conf.Positional[str],
        argument(
            "PAGE",
            "The lesson it opens with: home, head_explorer, attention, generation, "
            "beam_search, tokenizer or logit_lens.",
        ),
    ]
    model: Annotated[
        str | None,
        flag(
            "A checkpoint or run directory, a run's name or a shipped model's (none: "
            "the newest).",
            "--model_path",
        ),
    ] = None
    output: Annotated[
        Path | None,
        flag("The file to write (none: the model's name, .html or .zip).", "-o"),
    ] = None
    prompt: Annotated[
        str | None, flag("The text it opens with (none: one that the model never saw).")
    ] = None
    scorm: Annotated[
        bool, flag("Write a SCORM 1.2 package, which a learning platform imports.")
    ] = False
    overwrite: Annotated[bool, flag("Replace the file if it exists.")] = False


def run(words: Sequence[str]) -> int:
    """Run `lesson`."""
    arguments = parse(LessonArguments, words, "lesson", _DESCRIPTION)
    from minigpt.lesson_file.contents import require_lesson

    require_lesson(arguments.page)
    path = find_checkpoint(arguments.model)
    name = _name(path)
    output = arguments.output or Path(f"{name}.{'zip' if arguments.scorm else 'html'}")
    # Only a file is replaced: not a directory, a pipe or a device.
    is_other = output.exists() and not output.is_file()
    if is_other or (output.exists() and not arguments.overwrite):
        raise DataError(
            f"{output} exists already: choose another name with -o"
            + ("." if is_other else ", or replace it with --overwrite.")
        )
    _write(path, output, name, arguments)
    return 0


def _write(path: Path, output: Path, name: str, arguments: LessonArguments) -> None:
    from minigpt.atomic_writes import replace_file
    from minigpt.checkpoint import load_checkpoint
    from minigpt.lesson_file.document import lesson_file, lesson_title
    from minigpt.lesson_file.scorm import scorm_package

    checkpoint = load_checkpoint(path)
    begin = _beginning(checkpoint) if arguments.prompt is None else {}
    if arguments.prompt is not None:
        begin["prompt"] = arguments.prompt
    page = lesson_file(
        checkpoint, name=name, lesson=arguments.page, steps=_steps(path), **begin
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    whole = page.encode()
    told = "It opens in any browser, without a network: double-click it, or send it."
    if arguments.scorm:
        whole = scorm_package(page, title=lesson_title(name, arguments.page))
        told = "Import it into your learning platform, as a SCORM 1.2 package."
    replace_file(output, whole)
    say(f"wrote {output}, {len(whole) / 1e6:.1f} MB")
    note(told)


def _beginning(checkpoint: "Checkpoint") -> dict[str, Any]:
    """Return the prompt and the head where the head explorer's point is largest."""
    from minigpt.interpret.openings.head_explorer import head_explorer_opening
    from minigpt.lesson_file.contents import why_not

    if why_not(checkpoint.model, checkpoint.tokenizer):
        return {}  # `lesson_file` says why
    found = head_explorer_opening(checkpoint)
    if found is None:
        return {}
    return {"prompt": found.prompt, "head": (found.layer, found.head)}


def _steps(path: Path) -> Sequence["SavedStep"]:
    """Return the saved steps of the model whose checkpoint this is."""
    found = (
        entry for entry in available_models(data_directory()) if entry.path == path
    )
    return next((entry.steps for entry in found), ())


def _name(path: Path) -> str:
    """Name a model as the app does: a run, not its checkpoint."""
    whole = path.resolve()
    return (whole.parents[1] if whole.parent.name == "checkpoints" else whole).name
