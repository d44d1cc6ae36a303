"""Many prompts: a list in, a table of continuations out, as JSON lines or CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.generator import Generator

MOST_PROMPTS = 200
"""What one reader may ask for at once: a server has others to serve."""


@dataclass(frozen=True)
class PromptList:
    """Prompts to continue."""

    prompts: list[str]
    left_out: int
    """How many stood behind the last one that is taken."""


@dataclass(frozen=True)
class Continuation:
    """What became of one prompt."""

    prompt: str
    text: str
    """What was written after it."""
    tokens: int
    mean_log_prob: float | None
    """Of the tokens in the model's own distribution, in nats."""
    stop_reason: str
    seed: int | None
    problem: str
    """Why nothing was written, or what the model could not read; mostly empty."""


def read_prompts(contents: bytes | str) -> PromptList:
    """Read prompts, one per line; lines with nothing on them are passed over.

    Raises:
        DataError: If it is not UTF-8 text, or holds no prompt.
    """
    if isinstance(contents, bytes):
        try:
            contents = contents.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"The prompts are not UTF-8 text: byte {error.start} is "
                f"0x{error.object[error.start]:02x}. Save the file as UTF-8."
            ) from None
    if "\0" in contents:
        raise DataError("The prompts hold a zero byte: this is not a text file.")
    lines = contents.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    prompts = [line for line in lines if line.strip()]
    if not prompts:
        raise DataError("There is no prompt: write one per line.")
    return PromptList(prompts[:MOST_PROMPTS], max(0, len(prompts) - MOST_PROMPTS))


def continue_each(
    generator: Generator, prompts: Iterable[str], config: GenerationConfig
) -> Iterator[Continuation]:
    """Continue every prompt with the same settings and seed.

    A prompt that cannot be read says why in its own row, and the next one goes on.
    """
    for prompt in prompts:
        try:
            written = generator.generate(prompt, config)
        except DataError as error:
            yield Continuation(prompt, "", 0, None, "", config.seed, str(error))
            continue
        yield Continuation(
            prompt=prompt,
            text=written.text,
            tokens=len(written.tokens),
            mean_log_prob=fmean(written.log_probs),
            stop_reason=written.stop_reason,
            seed=written.seed,
            problem=" ".join(written.warnings),
        )


def as_json_lines(rows: Sequence[Continuation]) -> str:
    """Write one JSON object per line."""
    return "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: Sequence[Continuation]) -> str:
    """Write a table with a line of names, as spreadsheets read it."""
    output = io.StringIO()
    names = [field.name for field in fields(Continuation)]
    writer = csv.DictWriter(output, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return output.getvalue()
