"""`quickstart`: train a small model and sample from it, in about a minute."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

from minigpt.cli.output import note, say
from minigpt.cli.parsing import flag, parse
from minigpt.config import DataConfig, get_recipe
from minigpt.places import data_directory
from minigpt.runs.store import RunStore

_PROMPTS = ("Once ", "One day ", "Every ")


@dataclasses.dataclass(frozen=True)
class QuickstartArguments:
    """How long to train."""

    steps: Annotated[int, flag("Training steps, about 20 in a second.")] = 400
    name: Annotated[str | None, flag("The run's name (none: made from the time).")] = (
        None
    )


def run(words: Sequence[str]) -> int:
    """Run `quickstart`."""
    arguments = parse(
        QuickstartArguments,
        words,
        "quickstart",
        "Train a tiny model on the built-in tales, and sample from it.",
    )
    recipe = get_recipe("default")
    sizes = {"d_model": 128, "num_layers": 2, "num_heads": 4, "max_seq_len": 64}
    config = recipe.replace(
        data=DataConfig(tales_megabytes=2.0).to_dict(),
        transformer=recipe.transformer.replace(**sizes).to_dict(),
        train=recipe.train.replace(
            max_steps=arguments.steps, eval_interval=max(1, arguments.steps // 4)
        ).to_dict(),
    )
    from minigpt.cli.train import name_of, train_here

    note("A model of 2 layers learns to write short stories, character by character.")
    made = RunStore(data_directory() / "runs").create(config, arguments.name)
    code = train_here(
        made, is_new=True, command="python -m minigpt quickstart", announce=False
    )
    if code:
        return code
    _print_samples(str(made.best))
    name = name_of(made)
    say("\nNow you:")
    say(f"  python -m minigpt generate --model_path {name} --interactive")
    say(f"  python -m minigpt inspect --model_path {name} --prompt 'Once there was'")
    say("  python -m minigpt train --data_file your_text.txt")
    return 0


def _print_samples(path: str) -> None:
    from minigpt.checkpoint import load_checkpoint
    from minigpt.cli.generate import write
    from minigpt.config import GenerationConfig
    from minigpt.generation.generator import Generator

    model, tokenizer, _ = load_checkpoint(path)
    generator = Generator(model, tokenizer, device="cpu")
    for seed, prompt in enumerate(_PROMPTS):
        say()
        write(generator, prompt, GenerationConfig(max_new_tokens=200, seed=seed))
