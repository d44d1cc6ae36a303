"""`generate`: generate text, for one prompt, for many, or interactively."""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import complain, note, say
from minigpt.cli.parsing import config_fields, flag, given_flags, parse
from minigpt.config import GenerationConfig
from minigpt.errors import DataError, MinigptError

if TYPE_CHECKING:
    from minigpt.generation.generator import Generator

_DESCRIPTION = "Generate text with a trained model."
_INTERACTIVE_HELP = """\
Write a prompt and press Enter. Or: temp 0.8 · length 200 · top_k 50 · top_p 0.9 ·
seed 1 · settings · help · quit."""


@dataclasses.dataclass(frozen=True)
class ModelFlags:
    """Which model, and which prompt."""

    model_path: Annotated[
        str | None,
        flag("A checkpoint or run directory, a run's name or a shipped model's."),
    ] = None
    prompt: Annotated[str, flag("The text to continue.")] = ""
    prompts_file: Annotated[Path | None, flag("A file of prompts, one per line.")] = (
        None
    )
    interactive: Annotated[bool, flag("Ask for prompts until you type quit.")] = False
    device: Annotated[str, flag("auto, cpu, cuda, cuda:1 or mps.")] = "auto"


def run(words: Sequence[str]) -> int:
    """Run `generate`."""
    settings = dataclasses.make_dataclass(
        "Settings",
        config_fields(GenerationConfig(), aliases={"max_new_tokens": "--max_length"}),
        frozen=True,
    )
    groups = {"model": ModelFlags, "generation": settings}
    arguments_class = dataclasses.make_dataclass("GenerateArguments", groups.items())
    arguments: Any = parse(arguments_class, words, "generate", _DESCRIPTION)
    flags: ModelFlags = arguments.model
    values = dataclasses.asdict(arguments.generation)
    given = given_flags(words)
    if "strategy" not in given and given & {"num_beams", "length_penalty"}:
        values["strategy"] = "beam"
    config = GenerationConfig(**values)
    _check(given)
    prompts = read_prompts(flags.prompts_file) if flags.prompts_file else None

    generator = _load(flags)
    if flags.interactive:
        converse(generator, config)
    elif prompts is not None:
        for number, prompt in enumerate(prompts, start=1):
            say(f"--- {number}/{len(prompts)}: {prompt}")
            write(generator, prompt, config)
            say()
    else:
        write(generator, flags.prompt, config)
    return 0


def read_prompts(path: Path) -> list[str]:
    """Read prompts, one per line, skipping empty lines.

    Raises:
        DataError: If the file is missing, not text, or contains no prompt.
    """
    from minigpt.datasets.corpus import read_text

    prompts = [line for line in read_text(path).splitlines() if line.strip()]
    if not prompts:
        raise DataError(f"{path} contains no prompt: write one per line.")
    return prompts


def write(generator: "Generator", prompt: str, config: GenerationConfig) -> None:
    """Print a prompt and its continuation, token by token where possible."""
    if config.strategy == "beam":
        generation = generator.generate(prompt, config)
        warnings, text = generation.warnings, generation.prompt + generation.text
        say(text)
        for warning in warnings:
            note(f"note: {warning}")
        return
    for character in generator.tokenizer.unknown(prompt):
        note(f"note: {character!r} is not in the model's vocabulary: read as <unk>.")
    written = prompt
    say(prompt, end="")
    for token in generator.stream(prompt, config):
        # A character may take several tokens: print only what is final.
        text = prompt + token.text_so_far
        if text.startswith(written):
            say(text[len(written) :], end="")
            written = text
    say()


def converse(generator: "Generator", config: GenerationConfig) -> None:
    """Read prompts and commands from standard input until `quit` or its end."""
    note(_INTERACTIVE_HELP)
    for line in _lines():
        word, _, value = line.strip().partition(" ")
        if line.strip() in ("quit", "exit"):
            return
        if line.strip() == "help":
            note(_INTERACTIVE_HELP)
        elif line.strip() == "settings":
            note(", ".join(f"{k} {v}" for k, v in config.to_dict().items()))
        elif word in _SETTINGS and len(value.split()) == 1:
            config = _changed(config, word, value)
        elif line.strip():
            try:
                write(generator, line, config)
            except MinigptError as error:
                say()
                complain(str(error))


_SETTINGS: dict[str, tuple[str, type]] = {
    "temp": ("temperature", float),
    "temperature": ("temperature", float),
    "length": ("max_new_tokens", int),
    "top_k": ("top_k", int),
    "top_p": ("top_p", float),
    "min_p": ("min_p", float),
    "seed": ("seed", int),
}


def _changed(config: GenerationConfig, word: str, value: str) -> GenerationConfig:
    """Change one setting; on a wrong value, complain and change nothing."""
    name, kind = _SETTINGS[word]
    try:
        number = kind(value)
        changed = config.replace(**{name: number})
    except ValueError:
        complain(f"{word} takes a number, not {value!r}.")
        return config
    except MinigptError as error:
        complain(str(error))
        return config
    note(f"{name} is now {number}.")
    return changed


def _lines() -> Iterator[str]:
    """Yield what the user types, after a prompt sign on a terminal."""
    while True:
        if sys.stdin.isatty():
            try:
                yield input("> ")
            except EOFError:
                return
        else:
            line = sys.stdin.readline()
            if not line:
                return
            yield line.rstrip("\r\n")


def _check(given: set[str]) -> None:
    ways = given & {"prompt", "prompts_file", "interactive"}
    if len(ways) > 1:
        names = " and ".join(f"--{name}" for name in sorted(ways))
        raise DataError(f"{names} are different ways to give prompts: choose one.")


def _load(flags: ModelFlags) -> "Generator":
    path = find_checkpoint(flags.model_path)
    from minigpt.checkpoint import load_checkpoint
    from minigpt.generation.generator import Generator

    model, tokenizer, _ = load_checkpoint(path)
    return Generator(model, tokenizer, device=flags.device)
