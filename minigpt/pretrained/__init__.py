"""GPT-2 and friends, in and out: the directories that `transformers` reads and writes.

    model, tokenizer, metadata = minigpt.from_pretrained("gpt2")
    minigpt.export_pretrained(model, tokenizer, "my-model")

Reading order:

    fields    config.json, read with suspicion
    shape     what a kind of model calls its settings and weights
    gpt2      learned positions, LayerNorm, GELU
    llama     RoPE, RMSNorm, SwiGLU
    weights   safetensors files, one or several
    hub       from a name to a directory
    load      from a directory to a model
    export    and back
"""

from minigpt.pretrained.export import export_pretrained
from minigpt.pretrained.load import from_pretrained

__all__ = ["export_pretrained", "from_pretrained"]
