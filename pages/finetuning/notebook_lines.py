"""The few lines of Python behind each figure of the Fine-tuning page."""

from collections.abc import Sequence

from minigpt.datasets.conversations import Conversation
from minigpt.tokenizers.chat import Message

MASKED_LOSS = """
row = encode_chat(messages, tokenizer)  # each token, and whether it is the answer's
tokens = torch.tensor([[token for token, _ in row]])
learned = torch.tensor([is_answer for _, is_answer in row[1:]])


def answer_losses(model):
    with torch.inference_mode():
        logits = model(tokens)[0, :-1]
    loss = torch.nn.functional.cross_entropy
    return loss(logits, tokens[0, 1:], reduction="none")[learned].tolist()


losses = [answer_losses(model) for model in models]
"""

MOVED = """
def matrices(model):
    weights, sizes = dict(model.named_parameters()), model.config
    own, shared = sizes.num_heads * sizes.d_head, sizes.kv_heads * sizes.d_head
    rows = []
    for layer in range(sizes.num_layers):
        block = f"blocks.{layer}."
        row = list(weights[block + "attn.qkv.weight"].split([own, shared, shared]))
        row.append(weights[block + "attn.output.weight"])
        for part in ("input", "gate", "output"):
            if (name := f"{block}mlp.{part}.weight") in weights:
                row.append(weights[name])
        rows.append(row)
    return rows


before, after = (matrices(model) for model in models)
share = [
    [float((new - old).norm() / old.norm()) for old, new in zip(*rows)]
    for rows in zip(before, after)
]
"""

HEADS = """
def patterns(model):
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
    return torch.cat(list(cache.values())).double()[:, :, 1:]


p, q = (patterns(model) for model in models)  # [layer head row key]
bits = lambda row: torch.special.entr(row).sum(-1) / torch.tensor(2.0).log()
change = (bits((p + q) / 2) - (bits(p) + bits(q)) / 2).mean(-1)
"""

ANSWER = """
text = reply(models[0], tokenizer, messages, settings)
ids = tokenizer.encode(text)
"""


def question(path: str, prompt: Sequence[Message]) -> str:
    """Return the lines that open a tuned model and put a question to it."""
    turns = "".join(
        f"    Message({role!r}, {content!r}),\n" for role, content in prompt
    )
    return (
        both([path]) + "from minigpt.finetuning.answering import reply\n"
        "from minigpt.tokenizers.chat import Message\n\n"
        f"messages = [\n{turns}]\n"
        "settings = minigpt.GenerationConfig(\n"
        '    strategy="greedy", max_new_tokens=32\n'
        ")\n"
    )


def both(paths: list[str]) -> str:
    """Return the lines that open one or two models as they are compared."""
    return (
        "import torch\n"
        "import minigpt\n"
        "from minigpt.finetuning.chat import ready_to_chat\n\n"
        f"paths = {paths!r}\n"
        "opened = [ready_to_chat(minigpt.load(path)) for path in paths]\n"
        "models = [each.model for each in opened]\n"
        "tokenizer = opened[0].tokenizer\n"
    )


def conversation(paths: list[str], about: Conversation) -> str:
    """Return the lines that open the models and write a conversation down."""
    turns = "".join(
        f"    Message({role!r}, {content!r}),\n" for role, content in about.messages
    )
    return (
        both(paths) + "from minigpt.tokenizers.chat import Message, encode_chat\n\n"
        f"messages = [\n{turns}]\n"
    )


def row(paths: list[str], tokens: tuple[int, ...]) -> str:
    """Return the lines that open the models and name a row of tokens."""
    return both(paths) + f"tokens = torch.tensor([{list(tokens)!r}])\n"


def product(path: str, place: str, first: int, last: int | None) -> str:
    """Return the lines that multiply an adapter's two matrices.

    Args:
        path: The checkpoint that holds the adapter.
        place: The layer's name: `blocks.0.attn.qkv`.
        first: The first row of B that belongs to the matrix.
        last: The row after its last; None: there are no others.
    """
    own = "" if last is None else f"[{first}:{last}]"
    return (
        "import json\n"
        "from pathlib import Path\n\n"
        "from safetensors.torch import load_file\n\n"
        f"path = Path({path!r})\n"
        'settings = json.loads((path / "adapter.json").read_text())\n'
        'adapter = load_file(path / "adapter.safetensors")\n'
        'scale = settings["alpha"] / settings["rank"]\n'
        f'b, a = adapter["{place}.lora_b"], adapter["{place}.lora_a"]\n'
        f"change = scale * b{own} @ a\n"
    )


def nearest(paths: list[str], layer: int, matrix: str, rank: int) -> str:
    """Return the lines that find the nearest product of a rank."""
    return (
        both(paths)
        + "from minigpt.finetuning.inspection.low_rank import nearest_product\n\n"
        f"found = nearest_product(*models, {layer}, {matrix!r}, rank={rank})\n"
        "change = found.b @ found.a\n"
    )


def cuts(base: str, tuned: str, number: int) -> str:
    """Return the lines that cut each head while the tuned model answers."""
    return (
        both([base, tuned])
        + "from minigpt.finetuning.inspection.held_out_answers import (\n"
        "    held_out_questions,\n"
        ")\n"
        "from minigpt.finetuning.inspection.needed_heads import (\n"
        "    decisive,\n"
        "    heads_needed,\n"
        ")\n\n"
        "base, tuned = opened\n"
        f"asked = held_out_questions(tuned, base, {number})\n"
        "window = tuned.model.config.max_seq_len\n"
        "rows = [decisive(each, tokenizer, window) for each in asked]\n"
        "rises = heads_needed(tuned, rows).rises\n"
    )
