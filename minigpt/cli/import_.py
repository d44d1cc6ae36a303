"""`import`: bring GPT-2, or a model of its kind, to the app's own models."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, flag, parse
from minigpt.errors import CheckpointError
from minigpt.runs.store import RUN_ID, data_directory


@dataclasses.dataclass(frozen=True)
class ImportArguments:
    """What to bring, and under what name."""

    source: Annotated[
        tyro.conf.Positional[str],
        argument("SOURCE", "gpt2, gpt2-medium, distilgpt2, owner/model, a directory."),
    ]
    name: Annotated[
        tyro.conf.Positional[str],
        argument("NAME", "Its name here: a-z, 0-9, - and _, at most 32."),
    ]
    revision: Annotated[str | None, flag("A branch, tag or commit.")] = None
    offline: Annotated[bool, flag("Look on this machine only.")] = False
    half: Annotated[bool, flag("Keep 16 bits of each weight: half the size.")] = False


def run(words: Sequence[str]) -> int:
    """Run `import`."""
    arguments = parse(
        ImportArguments, words, "import", "Bring a model of Hugging Face here."
    )
    directory = _place(arguments.name)
    from minigpt.checkpoint import save_checkpoint
    from minigpt.pretrained import from_pretrained

    model, tokenizer, metadata = from_pretrained(
        arguments.source, revision=arguments.revision, offline=arguments.offline
    )
    save_checkpoint(
        directory,
        model,
        tokenizer,
        provenance=metadata.provenance,
        half=arguments.half,
    )
    config = metadata.model
    description = (
        f"{arguments.source}, as published. {config['num_layers']} layers of "
        f"{config['num_heads']} heads, {tokenizer.vocab_size:,} tokens."
    )
    about = {"origin": "import", "description": description}
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (directory / "about.json").write_text(text + "\n", encoding="utf-8")
    say(f"wrote {directory}")
    note(f"Look into it in the app, or: python -m minigpt inspect {arguments.name}")
    return 0


def _place(name: str) -> Path:
    """Return where a model of that name goes.

    Raises:
        CheckpointError: If the name cannot be one, or is taken.
    """
    if not RUN_ID.fullmatch(name):
        raise CheckpointError(
            f"{name!r:.80} cannot be a model's name: use a-z, 0-9, - and _, begin with "
            "a letter or a digit, 32 at most."
        )
    for kind in ("models", "runs"):
        if (data_directory() / kind / name).exists():
            raise CheckpointError(
                f"{data_directory() / kind / name} exists: choose another name."
            )
    return data_directory() / "models" / name
