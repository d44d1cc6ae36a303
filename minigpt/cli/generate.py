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
    from minigpt.generation.result import Generation

_DESCRIPTION = "Generate text with a trained model."
_TOGETHER = 32
"""Prompts that are written at a time."""
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
    samples: Annotated[
        int, flag("Continuations of each prompt, each with the next seed.")
    ] = 1
    stop: Annotated[tuple[str, ...], flag("Texts that end the writing.")] = ()
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
    _check(given, flags.samples)
    if not all(flags.stop):
        raise DataError("--stop is empty: every text would end before it begins.")
    prompts = read_prompts(flags.prompts_file) if flags.prompts_file else None

    generator = _load(flags)
    if flags.interactive:
        converse(generator, config, flags.stop)
    elif prompts is not None:
        write_many(generator, prompts, config, flags)
    elif flags.samples > 1:
        write_many(generator, [flags.prompt], config, flags)
    else:
        write(generator, flags.prompt, config, flags.stop)
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


def write_many(
    generator: "Generator",
    prompts: Sequence[str],
    config: GenerationConfig,
    flags: ModelFlags,
) -> None:
    """Print prompts and their continuations, some at a time, written together."""
    for first in range(0, len(prompts), _TOGETHER):
        some = prompts[first : first + _TOGETHER]
        rows = continue_all(generator, some, config, flags)
        for number, (prompt, row) in enumerate(zip(some, rows, strict=True), first + 1):
            say(f"--- {number}/{len(prompts)}: {prompt}")
            for generation in row:
                say(generation.full_text)
            for warning in row[0].warnings:
                note(f"note: {warning}")
            say()


def continue_all(
    generator: "Generator",
    prompts: Sequence[str],
    config: GenerationConfig,
    flags: ModelFlags,
) -> "list[list[Generation]]":
    """Continue prompts in one batch; a beam search is a batch of its own."""
    from minigpt.generation.batch.together import generate_together

    samples, stop = flags.samples, flags.stop
    if config.strategy == "beam" and samples == 1:
        return [[generator.generate(each, config, stop=stop)] for each in prompts]
    return generate_together(generator, prompts, config, samples=samples, stop=stop)


def write(
    generator: "Generator",
    prompt: str,
    config: GenerationConfig,
    stop: Sequence[str] = (),
) -> None:
    """Print a prompt and its continuation, token by token where possible."""
    from minigpt.generation.stops import before_stop, without_beginnings

    if config.strategy == "beam":
        generation = generator.generate(prompt, config, stop=stop)
        warnings, text = generation.warnings, generation.prompt + generation.text
        say(text)
        for warning in warnings:
            note(f"note: {warning}")
        return
    for character in generator.tokenizer.unknown(prompt):
        note(f"note: {character!r} is not in the model's vocabulary: read as <unk>.")
    written = so_far = ""
    say(prompt, end="")
    for token in generator.stream(prompt, config, stop=stop):
        so_far = before_stop(token.text_so_far, stop)
        # A character may take several tokens: print only what is final.
        text = without_beginnings(so_far, stop)
        if text.startswith(written):
            say(text[len(written) :], end="")
            written = text
    say(so_far[len(written) :])


def converse(
    generator: "Generator", config: GenerationConfig, stop: Sequence[str] = ()
) -> None:
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
                write(generator, line, config, stop)
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


def _check(given: set[str], samples: int) -> None:
    if samples < 1:
        raise DataError(f"samples is {samples}: ask for one at least.")
    if samples > 1 and "interactive" in given:
        raise DataError("--interactive writes one text at a time: leave out --samples.")
    ways = given & {"prompt", "prompts_file", "interactive"}
    if len(ways) > 1:
        names = " and ".join(f"--{name}" for name in sorted(ways))
        raise DataError(f"{names} are different ways to give prompts: choose one.")


def _load(flags: ModelFlags) -> "Generator":
    path = find_checkpoint(flags.model_path)
    from minigpt.checkpoint import load_checkpoint
    from minigpt.generation.generator import Generator

    model, tokenizer, _ = load_checkpoint(path, keep_integers=True)
    return Generator(model, tokenizer, device=flags.device)
