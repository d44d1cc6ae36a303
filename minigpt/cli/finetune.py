"""`finetune`: turn a model that continues texts into one that answers.

finetune sft --base tales                 learn from examples of answers
finetune dpo --base <name>                learn which of two answers is better
finetune evaluate --model_path <name>     measure how often it is right
finetune examples sft                     print training examples, as JSONL
finetune merge --adapter <path> --base …  merge an adapter into its base
"""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from minigpt.cli.finetune_scores import evaluate, show
from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, config_fields, flag, given_flags, parse
from minigpt.cli.train import name_of, train_here
from minigpt.config import FinetuneConfig, RunConfig, TrainConfig
from minigpt.config.finetuning_recipes import default_training
from minigpt.errors import ConfigError, RunError, near_names
from minigpt.places import data_directory
from minigpt.regular_files import expanded
from minigpt.runs.finding import find_run
from minigpt.runs.store import Run, RunStore, create_run

METHODS = ("sft", "dpo")
PARTS = (*METHODS, "evaluate", "examples", "merge")


@dataclasses.dataclass(frozen=True)
class FinetuneRunFlags:
    """Which run, and where."""

    base: Annotated[
        str | None, flag("The model to start from: a name, or a checkpoint's path.")
    ] = None
    name: Annotated[
        str | None, flag("The run's name (none: made from the method and the time).")
    ] = None
    output_dir: Annotated[
        Path | None, flag("The run's directory (none: data/runs/<name>).")
    ] = None
    resume: Annotated[
        str | None, flag("Resume a fine-tuning, by name or directory.")
    ] = None
    questions: Annotated[
        int, flag("Held-out questions to ask at the end (0: none).")
    ] = 200


@dataclasses.dataclass(frozen=True)
class ExamplesArguments:
    """What to show."""

    method: Annotated[
        tyro.conf.Positional[Literal["sft", "dpo"]],
        argument("METHOD", "sft: answers; dpo: pairs of answers."),
    ]
    count: Annotated[int, flag("How many.")] = 5
    split: Annotated[Literal["train", "held_out", "new"], flag("From which split.")] = (
        "train"
    )
    seed: Annotated[int, flag("Same seed, same examples.")] = 0


@dataclasses.dataclass(frozen=True)
class MergeArguments:
    """Which adapter, beside which base."""

    adapter: Annotated[Path, flag("An adapter's directory.")]
    base: Annotated[str, flag("The model it was made for.")]
    output_dir: Annotated[Path, flag("Where the merged model goes.")]


def run(words: Sequence[str]) -> int:
    """Run `finetune`."""
    if not words or words[0] in ("-h", "--help"):
        say((__doc__ or "").strip())
        return 0
    part, rest = words[0], words[1:]
    if part in METHODS:
        return _tune(part, rest)
    if part == "evaluate":
        return evaluate(rest)
    if part == "examples":
        return _examples(rest)
    if part == "merge":
        return _merge(rest)
    raise ConfigError(
        f"There is no finetune {part!r}: choose {', '.join(PARTS)}."
        f"{near_names(part, PARTS)}"
    )


def _tune(method: str, words: Sequence[str]) -> int:
    """Train a new or a resumed run, and measure the result."""
    arguments = parse(
        _arguments_class(method, words),
        words,
        f"finetune {method}",
        "Fine-tune a model.",
    )
    flags: FinetuneRunFlags = arguments.run
    given = given_flags(words)
    if flags.resume is not None:
        run = _resumed_run(flags.resume, given - {"resume", "questions"})
    else:
        run = _new_run(method, arguments)
    quoted = shlex.join(["python", "-m", "minigpt", "finetune", method, *words])
    code = train_here(
        run,
        resume=flags.resume is not None,
        is_new=flags.resume is None,
        command=quoted,
        announce=False,
    )
    if code == 0 and run.status().state == "finished":
        _report(run, flags.questions)
    return code


def _arguments_class(method: str, words: Sequence[str]) -> type[Any]:
    """Build the dataclass whose fields are the flags, with the method's defaults."""
    tuning = FinetuneConfig(method=method, base="base")  # type: ignore[arg-type]
    has_adapter = "lora_rank" in given_flags(words)
    of_the_other = "packed" if method == "dpo" else "beta"
    examples = config_fields(
        tuning,
        leave_out=["method", "base", "base_sha256", of_the_other],
        aliases={"examples": "--data_file"},
    )
    training = config_fields(default_training(method, has_adapter=has_adapter))
    groups = {
        "run": FinetuneRunFlags,
        "tuning": dataclasses.make_dataclass("Tuning", examples, frozen=True),
        "training": dataclasses.make_dataclass("Training", training, frozen=True),
    }
    return dataclasses.make_dataclass("TuneArguments", groups.items(), frozen=True)


def _resumed_run(wanted: str, extra: set[str]) -> Run:
    if extra:
        names = ", ".join(f"--{name}" for name in sorted(extra))
        raise ConfigError(f"--resume continues as configured: drop {names}.")
    run = find_run(wanted)
    if run.config.finetune is None:
        raise RunError(f"{run.id} is not a fine-tuning: resume it with train --resume.")
    if run.status().state == "finished":
        raise RunError(
            f"The run {run.id!r} has finished: to teach it more, start another from it "
            f"with --base {name_of(run)}."
        )
    return run


def _new_run(method: str, arguments: Any) -> Run:
    flags: FinetuneRunFlags = arguments.run
    if flags.base is None:
        raise ConfigError("--base is missing: give the model to start from.")
    if flags.name is not None and flags.output_dir is not None:
        raise ConfigError("--name and --output_dir both set the place: give one.")
    settings = dataclasses.asdict(arguments.tuning)
    if settings["examples"] != "tales":
        # A run may be resumed from another directory.
        settings["examples"] = str(expanded(settings["examples"]).absolute())
    base = str(find_checkpoint(flags.base).absolute())
    config = RunConfig(
        finetune=FinetuneConfig(method=method, base=base, **settings),  # type: ignore[arg-type]
        train=TrainConfig(**dataclasses.asdict(arguments.training)),
    )
    if settings["examples"] != "tales":
        _say_what_was_read(config)
    if flags.output_dir is not None:
        return create_run(expanded(flags.output_dir).absolute(), config)
    return RunStore(data_directory() / "runs").create(config, flags.name)


def _say_what_was_read(config: RunConfig) -> None:
    """Say what a file of examples was taken for, and what of it is left out."""
    from minigpt.checkpoint import load_checkpoint
    from minigpt.finetuning.chat import ready_to_chat
    from minigpt.preparation.finetuning_estimate import some_examples

    assert config.finetune is not None
    base = ready_to_chat(load_checkpoint(config.finetune.base))
    note(some_examples(config, base).remark)


def _report(run: Run, questions: int) -> None:
    """Report what the model can do now, and where it is saved."""
    from minigpt.checkpoint import load_checkpoint
    from minigpt.finetuning.measuring import measure

    best, finetune = run.best, run.config.finetune
    if best is None or finetune is None:
        return
    if questions and finetune.examples == "tales":
        tuned, base = load_checkpoint(best), load_checkpoint(finetune.base)
        show(measure(tuned, base, questions))
    name = name_of(run)
    if finetune.lora_rank is not None:
        say(f"adapter         {best} (adapter.json, adapter.safetensors)")
    say(f"model           {best}")
    say(f"ask again       python -m minigpt finetune evaluate --model_path {name}")


def _examples(words: Sequence[str]) -> int:
    arguments = parse(
        ExamplesArguments,
        words,
        "finetune examples",
        "Print training examples of tales.",
    )
    from minigpt.datasets.tales.instructions import instructions, preferences

    seed, split = arguments.seed, arguments.split
    if arguments.method == "sft":
        for example in islice(instructions(seed, split), arguments.count):
            turns = [message._asdict() for message in example.messages]
            say(json.dumps({"messages": turns}, ensure_ascii=False))
        return 0
    for pair in islice(preferences(seed, split), arguments.count):
        turns = [message._asdict() for message in pair.prompt]
        answers = {"chosen": pair.chosen, "rejected": pair.rejected}
        say(json.dumps({"messages": turns, **answers}, ensure_ascii=False))
    return 0


def _merge(words: Sequence[str]) -> int:
    arguments = parse(
        MergeArguments, words, "finetune merge", "Merge an adapter into its base."
    )
    from minigpt.checkpoint import load_checkpoint, save_checkpoint
    from minigpt.finetuning.adapters import load_adapter
    from minigpt.model import TransformerLM
    from minigpt.model.lora import without_adapter

    base = load_checkpoint(find_checkpoint(arguments.base))
    adapted = load_adapter(expanded(arguments.adapter), base)
    assert isinstance(adapted.model, TransformerLM)
    path = save_checkpoint(
        expanded(arguments.output_dir),
        without_adapter(adapted.model),
        adapted.tokenizer,
        step=base.metadata.step,
        provenance=base.metadata.provenance,
    )
    say(f"model           {path}")
    return 0
