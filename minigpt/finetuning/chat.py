"""A base learns that there are turns: its vocabulary grows by the chat tokens.

Each new token needs a row of the embedding (and of a free head). A row is drawn from
the normal distribution that the present rows have: so the new tokens differ from each
other, and look neither louder nor likelier than the rest. The same base always gains
the same rows, so an adapter need not store them.

Source: Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models".
"""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.checkpoint import Checkpoint
from minigpt.errors import CheckpointError
from minigpt.model import LanguageModel
from minigpt.tokenizers.chat import with_chat_tokens

_FACING_THE_VOCABULARY = ("token_embedding.weight", "head.weight", "head.bias")
_SEED = 0


def ready_to_chat(base: Checkpoint) -> Checkpoint:
    """Return a base that knows the chat tokens; one that does is returned as it is.

    Raises:
        CheckpointError: If model and tokenizer do not belong together.
    """
    model, tokenizer = base.model, base.tokenizer
    if tokenizer.vocab_size != model.config.vocab_size:
        raise CheckpointError(
            f"The base's tokenizer knows {tokenizer.vocab_size} tokens and its model "
            f"{model.config.vocab_size}: it was trained with another tokenizer. Put "
            "that one's tokenizer.json beside the model."
        )
    larger = with_chat_tokens(tokenizer)
    if larger is tokenizer:
        return base
    return Checkpoint(
        with_vocabulary(model, larger.vocab_size).eval(), larger, base.metadata
    )


def with_vocabulary(model: LanguageModel, vocab_size: int) -> LanguageModel:
    """Return a copy of a model that knows more tokens.

    Args:
        model: The old tokens keep their numbers, and their rows.
        vocab_size: The new size, at least the old one.
    """
    settings = {**model.config.to_dict(), "vocab_size": vocab_size}
    with torch.random.fork_rng(
        devices=[]
    ):  # a new model draws weights, which are replaced
        larger = type(model)(**settings)
    generator = torch.Generator().manual_seed(_SEED)
    weights = model.state_dict()
    for name in _FACING_THE_VOCABULARY:
        if name in weights:
            weights[name] = _grown(weights[name], vocab_size, generator)
    larger.load_state_dict(weights)
    return larger.to(model.device)


def _grown(
    rows: Float[Tensor, "vocab *width"], vocab_size: int, generator: torch.Generator
) -> Float[Tensor, "larger *width"]:
    number = vocab_size - len(rows)
    noise = torch.randn(number, *rows.shape[1:], generator=generator).to(rows)
    return torch.cat([rows, rows.mean(0) + rows.std(0) * noise])


def fingerprint(model: nn.Module) -> str:
    """Return a sha256 of all weights and their names: equal for equal models only."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {list(weight.shape)}".encode())
        digest.update(weight.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()
