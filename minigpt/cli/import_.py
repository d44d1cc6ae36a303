"""`import`: add a model that was made elsewhere to the models of the app."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.library.names import free_place
from minigpt.places import data_directory


@dataclasses.dataclass(frozen=True)
class ImportArguments:
    """Which model to add, and under what name."""

    source: Annotated[
        tyro.conf.Positional[str],
        argument(
            "SOURCE",
            "gpt2, distilgpt2, owner/model, a directory; or another program's "
            "checkpoint (.pt, .pth, .bin).",
        ),
    ]
    name: Annotated[
        tyro.conf.Positional[str],
        argument("NAME", "Its name here: a-z, 0-9, - and _, at most 32."),
    ]
    revision: Annotated[str | None, flag("A branch, tag or commit.")] = None
    offline: Annotated[bool, flag("Use only files on this machine.")] = False
    base: Annotated[
        str | None, flag("The model that a LoRA adapter of PEFT belongs to.")
    ] = None
    half: Annotated[bool, flag("Save 16 bits of each weight: half the size.")] = False


def run(words: Sequence[str]) -> int:
    """Run `import`."""
    arguments = parse(
        ImportArguments, words, "import", "Add a model that was made elsewhere."
    )
    # Before a download of minutes, not after it.
    free_place(data_directory(), "model", arguments.name)
    from minigpt.library.incoming import keep_import
    from minigpt.pretrained import from_pretrained

    loaded = from_pretrained(
        arguments.source,
        revision=arguments.revision,
        offline=arguments.offline,
        base=arguments.base,
    )
    if notes := loaded.metadata.provenance.get("notes"):
        note(notes)
    directory = keep_import(
        data_directory(),
        arguments.name,
        loaded,
        f"{arguments.source}, as published.",
        half=arguments.half,
    )
    say(f"wrote {directory}")
    note(
        "Open it in the app, or: "
        f"python -m minigpt inspect --model_path {arguments.name}"
    )
    return 0
