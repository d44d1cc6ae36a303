"""`evaluate`: measure the loss of a model on a text."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import flag, given_flags, parse
from minigpt.config import DataConfig
from minigpt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from minigpt.checkpoint import CheckpointMetadata
    from minigpt.datasets.batches.examples import Example
    from minigpt.tokenizers import Tokenizer


@dataclasses.dataclass(frozen=True)
class EvaluateArguments:
    """Which model, on which text."""

    model_path: Annotated[
        str | None,
        flag("A checkpoint or run directory, a run's name or a shipped model's."),
    ] = None
    data_file: Annotated[
        str | None,
        flag("A text file, or tales (none: what the model was trained on).", "--data"),
    ] = None
    validation_fraction: Annotated[
        float, flag("Share of the text's end to evaluate on; 1 is all of it.")
    ] = 0.1
    batch_size: Annotated[int, flag("Windows at a time.")] = 32
    device: Annotated[str, flag("auto, cpu, cuda, cuda:1 or mps.")] = "auto"


def run(words: Sequence[str]) -> int:
    """Run `evaluate`."""
    arguments = parse(
        EvaluateArguments, words, "evaluate", "Measure a model's loss on a text."
    )
    if arguments.batch_size < 1:
        raise ConfigError(f"batch_size is {arguments.batch_size}: choose 1 or more.")
    path = find_checkpoint(arguments.model_path)
    from torch.utils.data import DataLoader

    from minigpt.checkpoint import load_checkpoint
    from minigpt.training.evaluate import evaluate_loss

    model, tokenizer, metadata = load_checkpoint(path, device=arguments.device)
    data = _data(arguments, metadata, given_flags(words))
    context = model.config.max_seq_len
    examples, described = _examples(data, arguments, tokenizer, context)
    batches = DataLoader(examples, arguments.batch_size)
    result = evaluate_loss(model, batches, tokenizer)
    say(f"checkpoint  {path} (step {metadata.step})")
    say(f"text        {data.source}: {described}")
    say(f"loss        {result.loss:.4f} nats per token")
    say(f"perplexity  {result.perplexity:.3f}")
    if result.bits_per_character is not None:
        say(f"            {result.bits_per_character:.4f} bits per character")
    return 0


def _examples(
    data: DataConfig, arguments: EvaluateArguments, tokenizer: "Tokenizer", context: int
) -> tuple["Dataset[Example]", str]:
    """Split the text into windows; also return how much text that is."""
    from minigpt.datasets.batches.examples import PackedDataset, WindowDataset
    from minigpt.datasets.corpus import held_out_text, load_text
    from minigpt.datasets.encoding import encode_corpus
    from minigpt.datasets.repeated_words import repeated_words

    if data.source == "repeats":
        windows = repeated_words(tokenizer, data.repeats_words, context).held_out()
        return WindowDataset(windows), f"{len(windows):,} windows that were held out"
    is_all = arguments.validation_fraction >= 1
    text = load_text(data) if is_all else held_out_text(data)[0]
    unknown = tokenizer.unknown(text)
    if unknown:
        shown = " ".join(map(repr, unknown[:10]))
        note(f"note: not in the vocabulary, read as <unk>: {shown}")
    tokens = encode_corpus(tokenizer, text, data)
    if len(tokens) <= context:
        raise DataError(
            f"The text to evaluate on has {len(tokens)} tokens; one window needs "
            f"{context + 1}: give a longer text, or a larger --validation_fraction."
        )
    described = f"{len(text):,} characters, {len(tokens):,} tokens"
    return PackedDataset(tokens, context), described


def _data(
    arguments: EvaluateArguments, metadata: "CheckpointMetadata", given: set[str]
) -> DataConfig:
    """Return the requested text, or the one the model was trained on."""
    fraction = min(arguments.validation_fraction, 0.999)
    if arguments.data_file is not None:
        from minigpt.library.kept_texts import as_plain_text

        data = DataConfig(source=arguments.data_file, validation_fraction=fraction)
        data, remark = as_plain_text(data)
        if remark:
            note(remark)
        return data
    known = metadata.provenance.get("data")
    if not isinstance(known, dict):
        raise DataError(
            "This model does not record what it was trained on: give --data_file."
        )
    data = DataConfig(**known)
    if "validation_fraction" in given:
        data = data.replace(validation_fraction=fraction)
    return data
