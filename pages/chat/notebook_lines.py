"""The few lines of Python behind the figures of the Chat page."""

from collections.abc import Sequence

from minigpt.tokenizers.chat import Message


def reading(messages: Sequence[Message], template: bool) -> str:
    """Return the lines that turn a conversation into what the model reads."""
    said = "".join(
        f"    Message({role!r}, {content!r}),\n" for role, content in messages
    )
    if template:
        return (
            "from minigpt.tokenizers.chat import Message, encode_prompt_for_answer\n\n"
            f"messages = [\n{said}]\n"
            "read = encode_prompt_for_answer(messages, tokenizer)\n"
            "print(tokenizer.pieces(read))"
        )
    return (
        "from minigpt.tokenizers.chat import Message\n\n"
        f"messages = [\n{said}]\n"
        'text = "\\n\\n".join(message.content for message in messages)\n'
        "read = tokenizer.encode(text)\n"
        "print(tokenizer.pieces(read))"
    )


def row(tokens: Sequence[int], place: int, layer: int, head: int) -> str:
    """Return the lines that give the row of attention that wrote a token."""
    return (
        f"tokens = torch.tensor([{list(tokens[:place])}])  # all before the token\n"
        f'name = "blocks.{layer}.attn.hook_pattern"\n'
        "_, cache = model.run_with_cache(tokens, names_filter=name)\n"
        f"row = cache[name][0, {head}, -1]  # the last position wrote the token"
    )


def heads(tokens: Sequence[int], place: int, places: Sequence[int]) -> str:
    """Return the lines that say how much each head reads some places together."""
    return (
        f"tokens = torch.tensor([{list(tokens[:place])}])\n"
        f"places = {list(places)}  # of the words that matter\n"
        "_, cache = model.run_with_cache(\n"
        '    tokens, names_filter=lambda name: name.endswith("hook_pattern")\n'
        ")\n"
        "rows = torch.cat([pattern[:, :, -1] for pattern in cache.values()])\n"
        "weights = rows[..., places].sum(-1)  # [layer head]"
    )
