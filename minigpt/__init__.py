"""A language model you can see through.

    model, tokenizer, metadata = minigpt.load("data/models/tales")
    logits, cache = model.run_with_cache(tokens)
    print(minigpt.Generator(model, tokenizer).generate_sampling("Once upon a time"))

Below, the public names in reading order, each with the module that explains it. They
are imported when first used: a command's `--help` need not wait for torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_CONTENTS = {
    # Text becomes numbers.
    "CharTokenizer": "minigpt.tokenizers",
    "WordTokenizer": "minigpt.tokenizers",
    "BPETokenizer": "minigpt.tokenizers",
    "load_tokenizer": "minigpt.tokenizers",
    # Numbers become batches.
    "TextDataset": "minigpt.datasets",
    "collate_fn": "minigpt.datasets",
    "StreamingTextDataset": "minigpt.datasets",
    # The model scores what comes next, and every value in it has a name.
    "ModelConfig": "minigpt.config",
    "MLPConfig": "minigpt.config",
    "get_config": "minigpt.config",
    "TransformerLM": "minigpt.model",
    "MLPLM": "minigpt.model",
    "create_model": "minigpt.model",
    "HookPoint": "minigpt.hooks",
    "ActivationCache": "minigpt.activation_cache",
    # Training makes the scores good.
    "TrainConfig": "minigpt.config",
    "RunConfig": "minigpt.config",
    "get_recipe": "minigpt.config",
    "Trainer": "minigpt.training",
    # Generation writes.
    "GenerationConfig": "minigpt.config",
    "Generator": "minigpt.generation",
    # Fine-tuning teaches it to answer.
    "SupervisedDataset": "minigpt.finetuning.supervised",
    "add_lora": "minigpt.model.lora",
    "DirectPreference": "minigpt.finetuning.preferences",
    "reply": "minigpt.finetuning.answering",
    # A checkpoint keeps it all.
    "load_checkpoint": "minigpt.checkpoint",
    "save_checkpoint": "minigpt.checkpoint",
    # Models of others come in, and yours go out to them.
    "from_pretrained": "minigpt.pretrained",
    "export_pretrained": "minigpt.pretrained",
    "MinigptError": "minigpt.errors",
}

__all__ = ["load", *_CONTENTS]


def __getattr__(name: str) -> Any:
    if name == "load":
        name = "load_checkpoint"
    if name not in _CONTENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_CONTENTS[name]), name)
