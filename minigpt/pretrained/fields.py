"""A foreign `config.json`: every field is understood, harmless, or in the way.

An overlooked field may silently change what the model computes. So each field is taken
(it is supported), required to have its usual value (nothing else is supported), known
not to affect the computation, or nothing to do with it by its name: a file also says
who wrote it, with what and when. All that is in the way is named at once.
"""

import math
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from minigpt.config.own_model import MOST_LAYERS
from minigpt.errors import CheckpointError

Value = TypeVar("Value")

_LARGEST = 2**53
"""No setting of a model is a larger whole number, and not all are numbers of floats."""

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
    *("n_ctx", "*_pdrop", "*_dropout", "auto_map", "loss_type"),
    # Which program computes it, and how weights are spread over machines.
    *("attn_implementation", "*flash_attn*", "base_model_*_plan"),
)
# Any other value would mean a different computation.
USUAL: Mapping[str, tuple[Any, ...]] = {
    "is_encoder_decoder": (False,),
    "add_cross_attention": (False,),
    "cross_attention_hidden_size": (None,),
    "tie_encoder_decoder": (False,),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
}
_COMPUTES = (
    *("act", "adapter", "alibi", "attention", "attn", "bias", "chunk", "clip", "conv"),
    *("cross", "depth", "dim", "embd", "embed", "eps", "expert", "ff", "gate", "head"),
    *("hidden", "intermediate", "key", "kv", "layer", "logit", "lora", "memory", "mlp"),
    *("moe", "multipl", "norm", "parallel", "position", "prun", "quant", "query"),
    *("rank", "recurr", "residual", "rope", "rotary", "router", "scal", "size"),
    *("softcap", "sparse", "value", "width", "window"),
)
"""How the words begin that name what a model computes."""


class Fields:
    """The fields of a `config.json`, ticked off one by one.

    What is in the way is gathered in `obstacles`, and `finish` names all of it. What
    the reader of the model should know stands in `notes`.

    Args:
        path: Their file, for error messages.
        content: The parsed JSON object.
    """

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self.obstacles: list[str] = []
        self.notes: list[str] = []
        self.query_factor = 1.0
        """What queries are multiplied with, if their scores are divided otherwise."""
        self._left = dict(content)

    def take(self, name: str, kind: type[Value], default: Value | None = None) -> Value:
        """Return a field's value.

        Args:
            name: The field.
            kind: Its type.
            default: The value if it is missing or null; None: it is required.

        Returns:
            The value; the type's empty one if that is in the way.
        """
        value = self._left.pop(name, None)
        if value is None:
            value = default
        if kind is float and type(value) is int:
            with suppress(OverflowError):  # then it is named as it stands
                value = float(value)
        if value is None:
            self.obstacles.append(f"the field {name!r} is missing")
        elif type(value) is not kind:
            article = "an" if kind is int else "a"
            self.obstacles.append(
                f"{name} is {value!r:.80}, not {article} {kind.__name__}"
            )
        elif isinstance(value, float) and not math.isfinite(value):
            self.obstacles.append(f"{name} is {value}, no finite number")
        elif isinstance(value, int) and abs(value) > _LARGEST:
            self.obstacles.append(f"{name} is {value!r:.80}, too large a number")
        else:
            return value
        return kind()

    def take_layers(self, name: str) -> int:
        """Return the number of layers; 0 if it is one that no model has.

        Lists of so many are made before `ModelConfig` is asked.
        """
        number = self.take(name, int)
        if number <= MOST_LAYERS:
            return max(number, 0)
        self.obstacles.append(f"{name} is {number}, and here are {MOST_LAYERS} at most")
        return 0

    def take_or_none(
        self, name: str, kind: type[Value], default: Value | None
    ) -> Value | None:
        """Return a field's value, or None if it is null: there, null means something.

        Arguments as for `take`; the default stands in for a missing field alone.
        """
        if self._left.get(name, default) is None:
            self._left.pop(name, None)
            return None
        return self.take(name, kind, default)

    def choose(self, name: str, allowed: Mapping[str, Value], default: str) -> Value:
        """Return what a field's name stands for.

        Args:
            name: The field.
            allowed: What its values mean here.
            default: The value if it is missing or null.

        Returns:
            The meaning; the default's if the value is in the way.
        """
        given = self.take(name, str, default)
        if given not in allowed:
            self.obstacles.append(
                f"{name} is {given!r:.80}, and this project has {', '.join(allowed)}"
            )
        return allowed.get(given, allowed[default])

    def require(self, name: str, allowed: Collection[Any]) -> None:
        """Require a field, if present, to have one of a few values, or to be null.

        Any other value would change the computation, and is in the way.
        """
        value = self._left.pop(name, None)
        # 1 == True and 0 == False, but a number is not a boolean.
        if value is None or any(
            type(value) is type(one) and value == one for one in allowed
        ):
            return
        known = [repr(one) for one in allowed if one is not None] or ["no value"]
        self.obstacles.append(
            f"{name} is {value!r:.80}, which this project cannot compute; it can with "
            f"{' or '.join(known)}"
        )

    def put(self, name: str, value: Any) -> None:
        """Put a field back, to be taken once more."""
        self._left[name] = value

    def rest(self) -> list[tuple[str, Any]]:
        """Return the fields not looked at yet, but for null ones."""
        return [(name, v) for name, v in self._left.items() if v is not None]

    def finish(self) -> None:
        """Check that nothing is in the way and no field was overlooked.

        Raises:
            CheckpointError: If something is; names all of it.
        """
        for name, values in USUAL.items():
            self.require(name, values)
        self.obstacles += [
            f"{name} is {value!r:.60}, which is unknown here and may change what the "
            "model computes"
            for name, value in self.rest()
            if not _is_harmless(name)
        ]
        if self.obstacles:
            raise CheckpointError(f"{self.path}: {'; '.join(self.obstacles)}.")


def _is_harmless(name: str) -> bool:
    """Whether a field is known not to affect the computation, or its name says so."""
    known = any(fnmatchcase(name, pattern) for pattern in HARMLESS)
    words = re.split(r"[\W_]+", name.lower())
    return known or not any(word.startswith(_COMPUTES) for word in words)
