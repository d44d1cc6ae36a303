"""A foreign `config.json`: every field is understood, known to be harmless, or refused.

An overlooked field may silently change what the model computes. So each field is taken
(it is supported), required to have its usual value (nothing else is supported), or
known not to affect the computation.
"""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from minigpt.errors import CheckpointError

Value = TypeVar("Value")

# Fields that do not affect logits: bookkeeping, training, generation, other tasks.
HARMLESS = (
    *("_name_or_path", "architectures", "model_type", "tokenizer_class"),
    *("transformers_version", "dtype", "torch_dtype", "_attn_implementation*"),
    *("use_cache", "output_*", "return_dict*", "torchscript", "tf_legacy_loss"),
    *("keys_to_ignore_at_inference", "chunk_size_feed_forward", "use_bfloat16"),
    *("*initializer_range", "gradient_checkpointing", "is_decoder", "problem_type"),
    *("*num_labels", "id2label", "label2id", "finetuning_task", "summary_*"),
    *("task_specific_params", "*_token_id", "max_length", "min_length", "do_sample"),
    *("early_stopping", "num_beam*", "temperature", "top_k", "top_p", "typical_p"),
    *("*_penalty", "*no_repeat_ngram_size", "bad_words_ids", "num_return_sequences"),
    *("prefix", "remove_invalid_values", "*suppress_tokens"),
    *("n_ctx", "*_pdrop", "*_dropout"),
)
# Any other value would mean a different computation.
USUAL: Mapping[str, tuple[Any, ...]] = {
    "is_encoder_decoder": (False,),
    "add_cross_attention": (False,),
    "cross_attention_hidden_size": (None,),
    "tie_encoder_decoder": (False,),
    "pruned_heads": ({}, None),
}


class Fields:
    """The fields of a `config.json`, ticked off one by one.

    Args:
        path: Their file, for error messages.
        content: The parsed JSON object.
    """

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self._left = dict(content)

    def take(self, name: str, kind: type[Value], default: Value | None = None) -> Value:
        """Return a field's value.

        Args:
            name: The field.
            kind: Its type.
            default: The value if it is missing or null; None: it is required.

        Raises:
            CheckpointError: If it is missing, or of another type.
        """
        value = self._left.pop(name, None)
        if value is None:
            value = default
        if kind is float and type(value) is int:
            value = float(value)
        if value is None:
            raise CheckpointError(f"{self.path}: the field {name!r} is missing.")
        if type(value) is not kind:
            raise CheckpointError(
                f"{self.path}: {name} is {value!r:.80}, not of type {kind.__name__}."
            )
        return value

    def require(self, name: str, allowed: Collection[Any]) -> None:
        """Require a field, if present, to have one of a few values.

        Raises:
            CheckpointError: If it has another value, which would change the
            computation.
        """
        if name not in self._left:
            return
        value = self._left.pop(name)
        # 1 == True and 0 == False, but a number is not a boolean.
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise CheckpointError(
                f"{self.path}: {name} is {value!r:.80}, which this project cannot "
                f"compute; it can with {' or '.join(map(repr, allowed))}."
            )

    def finish(self) -> None:
        """Check that no field was overlooked.

        Raises:
            CheckpointError: If an unknown field is left.
        """
        for name, values in USUAL.items():
            self.require(name, values)
        for name, value in self._left.items():
            if not any(fnmatchcase(name, pattern) for pattern in HARMLESS):
                raise CheckpointError(
                    f"{self.path}: {name} = {value!r:.60} is unknown here and may "
                    "change what the model computes. If you know that it does not, "
                    "delete the line from a copy of the directory and load that."
                )
