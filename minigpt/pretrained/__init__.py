"""Import and export of models of other families, in the format of `transformers`.

    model, tokenizer, metadata = minigpt.from_pretrained("gpt2")
    minigpt.export_pretrained(model, tokenizer, "my-model")

Reading order:

    fields    config.json, every field checked
    shape     the names of a model family's settings and weights
    gpt2      learned positions, LayerNorm, GELU
    llama     RoPE, RMSNorm, SwiGLU
    rope      RoPE's settings: base, share, stretching
    windows   which layers read the last tokens only
    qwen      a Llama with biases or norms on queries and keys
    neox      RoPE on part of a head, an MLP beside attention
    neo       GPT-2 without the division of scores
    opt       GPT-2 with ReLU
    gemma     a Llama with norms behind, windows, bent scores and logits
    nanochat  norms without weights, ReLU², bent logits
    weights   safetensors files, one or several
    build     from settings and weights to a model
    hub       from a name to a directory
    load      from a directory to a model
    export    from a model to a directory
    adapters  LoRA adapters of PEFT, added to their base
    codebases checkpoints of nanoGPT, llama2.c, LLMs-from-scratch, …
"""

from minigpt.pretrained.export import export_pretrained
from minigpt.pretrained.load import from_pretrained

__all__ = ["export_pretrained", "from_pretrained"]
