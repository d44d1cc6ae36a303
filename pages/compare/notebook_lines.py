"""The few lines of Python behind each figure of the Compare page."""

from pages.compare.choice import Side, Text


def _both(before: Side, text: Text) -> str:
    """Return the lines that load the second model and read the same text."""
    return f"other, _, _ = minigpt.load({str(before.path)!r})\n" + _read(text)


def losses(before: Side, after: Side, text: Text, *, same_tokens: bool) -> str:
    """Return the lines behind the tinted text."""
    if not same_tokens:
        return (
            "from minigpt.interpret.differences.comparison import compare_text\n\n"
            f"before = minigpt.load({str(before.path)!r})\n"
            f"after = minigpt.load({str(after.path)!r})\n"
            f"change = compare_text(before, after, {text.content!r}).change\n"
            "change = change[change == change]  # without what nothing predicts\n"
        )
    return _both(before, text) + (
        "\ndef losses(model):\n"
        "    with torch.inference_mode():\n"
        "        logits = model(tokens)[0, :-1]\n"
        "    came = tokens[0, 1:]\n"
        '    return torch.nn.functional.cross_entropy(logits, came, reduction="none")\n'
        "\nchange = losses(model) - losses(other)  # nats; below 0 is better\n"
    )


def heads(before: Side, text: Text) -> str:
    """Return the lines behind the matrix of heads."""
    return _both(before, text) + (
        "\ndef patterns(model):\n"
        "    with torch.inference_mode():\n"
        '        _, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")\n'
        "    return torch.cat(list(cache.values())).double()[:, :, 1:]\n"
        "\np, q = patterns(model), patterns(other)  # [layer head row key]\n"
        "bits = lambda row: torch.special.entr(row).sum(-1) / torch.tensor(2.0).log()\n"
        "change = (bits((p + q) / 2) - (bits(p) + bits(q)) / 2).mean(-1)\n"
    )


def weights(before: Side) -> str:
    """Return the lines behind the bars of the weights' change."""
    return (
        f"other, _, _ = minigpt.load({str(before.path)!r})\n"
        "old, new = dict(other.named_parameters()), dict(model.named_parameters())\n"
        "change = {\n"
        "    name: float((new[name] - old[name]).norm() / old[name].norm())\n"
        "    for name in old\n"
        "    if name in new and new[name].shape == old[name].shape\n"
        "    and old[name].any()\n"
        "}\n"
    )


def sample(text: Text, seed: int) -> str:
    """Return the lines behind the continuation of the chosen model."""
    return (
        "config = minigpt.GenerationConfig(max_new_tokens=60, "
        f"temperature=0.8, seed={seed})\n"
        "generator = minigpt.Generator(model, tokenizer)\n"
        f"text = generator.generate({text.content!r}, config).full_text\n"
        "ids = tokenizer.encode(text)\n"
    )


def pulls(text: Text) -> str:
    """Return the lines behind the bars of the gradients."""
    return _read(text) + (
        "model.requires_grad_(True)\n"
        "logits = model(tokens)[0, :-1]\n"
        "loss = torch.nn.functional.cross_entropy(logits, tokens[0, 1:])\n"
        "loss.backward()\n"
        "norms = [float(weight.grad.norm()) for weight in model.parameters()]\n"
    )


def saliency(text: Text, place: int, rival: int | None) -> str:
    """Return the lines behind the saliency of the token at a place."""
    minus = "" if rival is None else f" - logits[0, {place - 1}, {rival}]"
    return _read(text) + (
        f"target = tokens[0, {place}]\n"
        "_, cache = model.run_with_cache(\n"
        f'    tokens[:, :{place}], "hook_embed", incl_bwd=True,\n'
        f"    loss=lambda logits: logits[0, {place - 1}, target]{minus},\n"
        ")\n"
        'scores = (cache["hook_embed_grad"] * cache["hook_embed"]).sum(-1)[0]\n'
    )


def _read(text: Text) -> str:
    """Return the line that reads the text, if the prompt is not what is read."""
    if text.is_prompt:
        return ""
    return f"tokens = torch.tensor([tokenizer.encode({text.content!r})])\n"
