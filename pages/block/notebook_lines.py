"""The lines that rebuild the figures of "Multi-head and block" in a notebook."""

from minigpt.config import ModelConfig


def block_recipe(config: ModelConfig, layer: int, position: int) -> str:
    """Return lines that end with `block`: what each head and sublayer adds."""
    mlp = f' + cache["mlp_out", {layer}][0, {position}]' if config.mlp_width else ""
    bias = f" + model.blocks[{layer}].attn.output.bias" if config.bias else ""
    return (
        "logits, cache = model.run_with_cache(\n"
        f'    tokens, lambda name: name.startswith("blocks.{layer}.")\n'
        ")\n"
        f'written = cache["result", {layer}][0, {position}]\n'
        f"attention = written.sum(0){bias}\n"
        f'middle = cache["resid_pre", {layer}][0, {position}] + attention\n'
        "block = {\n"
        '    "heads": written.norm(dim=-1),\n'
        '    "attention": attention,\n'
        f'    "after": middle{mlp},\n'
        "}"
    )


def stream_recipe(config: ModelConfig, position: int) -> str:
    """Return lines that end with `stream`: its length after every part."""
    parts = '("mid", "post")' if config.mlp_width else '("post",)'
    return (
        "logits, cache = model.run_with_cache(tokens)\n"
        'names = ["blocks.0.hook_resid_pre"]\n'
        f"for layer in range({config.num_layers}):\n"
        f"    for part in {parts}:\n"
        '        names.append(f"blocks.{layer}.hook_resid_{part}")\n'
        f"stream = [cache[name][0, {position}].norm().item() for name in names]"
    )
