"""Fine-tuning by hand: what an answer costs, and how far each matrix moved.

Beside it: `minigpt.finetuning`, which learns from such losses, and
`minigpt.finetuning.inspection`, which the page draws from.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.model import LanguageModel, TransformerLM
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import Message, encode_chat


def answer_losses(
    model: LanguageModel, tokenizer: Tokenizer, messages: Sequence[Message]
) -> list[float]:
    """Return the loss of each of the assistant's own tokens; the prompt's do not count.

        loss = −ln p(token | all tokens before it)

    Args:
        model: Any model that was trained with the chat tokens.
        tokenizer: The model's.
        messages: A conversation, the answers included.

    Returns:
        Nats, one number for each token of an answer, its `<eos>` included.
    """
    row = encode_chat(messages, tokenizer)
    tokens = torch.tensor([[token for token, _ in row]])
    is_answer = torch.tensor([is_answer for _, is_answer in row[1:]])
    with torch.inference_mode():
        logits = model(tokens)[0, :-1]  # [pos vocab]
    losses = torch.nn.functional.cross_entropy(logits, tokens[0, 1:], reduction="none")
    return losses[is_answer].tolist()


def matrix_changes(
    before: TransformerLM, after: TransformerLM
) -> Float[Tensor, "layer matrix"]:
    """Return how far fine-tuning moved each matrix, layer by layer.

        ‖W_after − W_before‖ / ‖W_before‖

    Args:
        before: The base.
        after: The same model, fine-tuned.

    Returns:
        The matrices are q, k, v and o of attention, then the MLP's.
    """
    sizes = before.config
    query, shared = sizes.num_heads * sizes.d_head, sizes.kv_heads * sizes.d_head
    parts = ("attn.output", "mlp.input", "mlp.gate", "mlp.output")
    old, new = (dict(model.named_parameters()) for model in (before, after))
    changes = []
    for layer in range(sizes.num_layers):
        names = [f"blocks.{layer}.{part}.weight" for part in parts]
        row = []
        for name in (f"blocks.{layer}.attn.qkv.weight", *names):
            if name not in old:  # not every MLP has a gate
                continue
            heights = [query, shared, shared] if "qkv" in name else len(old[name])
            early, late = (torch.split(each[name], heights) for each in (old, new))
            row += [(b - a).norm() / a.norm() for a, b in zip(early, late, strict=True)]
        changes.append(torch.stack(row))
    return torch.stack(changes)
