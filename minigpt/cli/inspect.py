"""`inspect`: a model's settings, its parts, its activations, its next-token table."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import flag, parse

if TYPE_CHECKING:
    from minigpt.checkpoint import Checkpoint, CheckpointMetadata


@dataclasses.dataclass(frozen=True)
class InspectArguments:
    """What to show."""

    model_path: Annotated[
        str | None,
        flag("A checkpoint or run directory, a run's name or a shipped model's."),
    ] = None
    prompt: Annotated[str | None, flag("Run the model on this text.")] = None
    hooks: Annotated[str, flag("Which activations to list: a name or glob.")] = "*"
    top_k: Annotated[int, flag("How many next tokens to list.")] = 10
    device: Annotated[str, flag("auto, cpu, cuda, cuda:1 or mps.")] = "auto"


def run(words: Sequence[str]) -> int:
    """Run `inspect`."""
    arguments = parse(InspectArguments, words, "inspect", "Look inside a model.")
    path = find_checkpoint(arguments.model_path)
    from minigpt.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path, device=arguments.device)
    say(f"checkpoint  {path}")
    _describe(checkpoint.metadata)
    _list_parts(checkpoint)
    if arguments.prompt is not None:
        _run_once(checkpoint, arguments.prompt, arguments.hooks, arguments.top_k)
    else:
        note("Add --prompt 'a text' to see the activations and the next-token table.")
    return 0


def _describe(metadata: "CheckpointMetadata") -> None:
    say(f"model       {metadata.model_type}, step {metadata.step}")
    for name, value in metadata.model.items():
        say(f"  {name:<22}{value}")
    if metadata.provenance:
        say("provenance")
        for name, value in metadata.provenance.items():
            if not isinstance(value, dict):
                say(f"  {name:<22}{value}")


def _list_parts(checkpoint: "Checkpoint") -> None:
    """Print the number of weights of each part, and the total."""
    model, tokenizer, _ = checkpoint
    say(f"tokenizer   {tokenizer.kind}, {tokenizer.vocab_size:,} tokens")
    say("parameters")
    for name, part in model.named_children():
        count = sum(weights.numel() for weights in part.parameters())
        if count:
            say(f"  {name:<22}{count:>12,}")
    say(f"  {'all':<22}{sum(p.numel() for p in model.parameters()):>12,}")


def _run_once(checkpoint: "Checkpoint", prompt: str, hooks: str, top_k: int) -> None:
    import torch

    from minigpt.errors import DataError

    model, tokenizer, _ = checkpoint
    ids = tokenizer.encode(prompt)
    if not ids:
        raise DataError("The prompt has no tokens: write at least one character.")
    for unknown in tokenizer.unknown(prompt):
        note(f"note: {unknown!r} is not in the vocabulary: read as <unk>.")
    tokens = torch.tensor([ids], device=model.device)
    with torch.inference_mode():
        logits, cache = model.run_with_cache(tokens, names_filter=hooks)
    say(f"activations for {len(ids)} tokens")
    for name, activation in cache.items():
        say(f"  {name:<36}{list(activation.shape)}")

    probabilities = logits[0, -1].softmax(-1)
    say(f"next token after {tokenizer.piece(ids[-1])!r}")
    say(f"  {'piece':<16}{'id':>7}{'probability':>13}{'logit':>9}")
    best = probabilities.topk(max(1, min(top_k, len(probabilities))))
    for probability, token in zip(
        best.values.tolist(), best.indices.tolist(), strict=True
    ):
        piece = repr(tokenizer.piece(token))
        logit = logits[0, -1, token].item()
        say(f"  {piece:<16}{token:>7}{probability:>13.4f}{logit:>9.2f}")
