"""Import and export of GPT-2 and Llama models in the format of `transformers`.

    model, tokenizer, metadata = minigpt.from_pretrained("gpt2")
    minigpt.export_pretrained(model, tokenizer, "my-model")

Reading order:

    fields    config.json, every field checked
    shape     the names of a model family's settings and weights
    gpt2      learned positions, LayerNorm, GELU
    llama     RoPE, RMSNorm, SwiGLU
    weights   safetensors files, one or several
    hub       from a name to a directory
    load      from a directory to a model
    export    from a model to a directory
"""

from minigpt.pretrained.export import export_pretrained
from minigpt.pretrained.load import from_pretrained

__all__ = ["export_pretrained", "from_pretrained"]
