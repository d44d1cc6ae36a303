"""A language model you can see through.

    model, tokenizer, metadata = minigpt.load("data/models/tales")
    logits, cache = model.run_with_cache(tokens)
    print(minigpt.Generator(model, tokenizer).generate_sampling("Once upon a time"))

Below are the public names in reading order, each with its module. They are imported on
first use, so that a command's `--help` does not wait for torch.
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
    # Training improves the scores.
    "TrainConfig": "minigpt.config",
    "RunConfig": "minigpt.config",
    "get_recipe": "minigpt.config",
    "Trainer": "minigpt.training",
    # Generation writes text.
    "GenerationConfig": "minigpt.config",
    "Generator": "minigpt.generation",
    # Fine-tuning teaches the model to answer.
    "SupervisedDataset": "minigpt.finetuning.supervised",
    "add_lora": "minigpt.model.lora",
    "DirectPreference": "minigpt.finetuning.preferences",
    "reply": "minigpt.finetuning.answering",
    # A checkpoint stores everything.
    "load_checkpoint": "minigpt.checkpoint",
    "save_checkpoint": "minigpt.checkpoint",
    # Models are imported from Hugging Face, and exported.
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
