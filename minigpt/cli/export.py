"""`export`: write a trained model in the format of Hugging Face."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, parse


@dataclasses.dataclass(frozen=True)
class ExportArguments:
    """What to write, and where."""

    model: Annotated[
        tyro.conf.Positional[str],
        argument("MODEL", "A checkpoint or run directory, or a model's name."),
    ]
    directory: Annotated[
        tyro.conf.Positional[Path],
        argument("DIRECTORY", "Where to write; it must be new or empty."),
    ]


def run(words: Sequence[str]) -> int:
    """Run `export`."""
    arguments = parse(
        ExportArguments, words, "export", "Write a model for transformers to load."
    )
    path = find_checkpoint(arguments.model)
    from minigpt.checkpoint import load_checkpoint
    from minigpt.pretrained import export_pretrained

    model, tokenizer, _ = load_checkpoint(path)
    directory = export_pretrained(model, tokenizer, arguments.directory)
    say(f"wrote {directory}")
    if not (directory / "tokenizer.json").is_file():
        note(
            f"note: transformers cannot read a tokenizer of kind {tokenizer.kind}: it "
            "is saved in minigpt's own format."
        )
    note(f"In Python: AutoModelForCausalLM.from_pretrained({str(directory)!r})")
    return 0
