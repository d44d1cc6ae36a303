"""What a request may say: OpenAI's fields, and some of our own.

A field that this server does not know is refused, and so is one whose value asks for
something that it does not do (`tools`): what is answered is what was asked for.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from minigpt.errors import near_names

NOT_DONE: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": (),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "web_search_options": (),
}
"""Fields of OpenAI that change nothing here, by the values that ask for nothing."""
LABELS = ("user", "metadata", "safety_identifier", "prompt_cache_key")
"""Fields that say who asks; they are not kept."""


class Body(BaseModel):
    """A request: strict, without fields that nobody knows; null is as if left out."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_is_not_done(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        kept = {}
        for name, value in fields.items():
            if value is None or name in LABELS:
                continue
            if name in cls.model_fields:
                kept[name] = value
            elif name not in NOT_DONE:
                hint = near_names(name, cls.model_fields)
                raise _unsupported(name, f"There is no field {name!r:.80}.{hint}")
            elif value not in NOT_DONE[name]:
                text = f"This server does not do {name}: leave it out."
                raise _unsupported(name, text)
        return kept


def _unsupported(param: str, message: str) -> PydanticCustomError:
    return PydanticCustomError(
        "unsupported", "{message}", {"param": _sayable(param[:80]), "message": message}
    )


def _sayable(name: str) -> str:
    """Return a name without halves of surrogate pairs, which no answer can hold."""
    return name.encode("utf-8", "replace").decode()


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _texts_or_tokens(value: Any) -> Any:
    """Read the four forms of a prompt as a list of texts and lists of tokens."""
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list) and items and all(type(one) is int for one in items):
        items = [items]
    is_right = isinstance(items, list) and all(
        isinstance(item, str)
        or (isinstance(item, list) and item and all(type(one) is int for one in item))
        for item in items
    )
    if not (is_right and items):
        raise ValueError("must be a text, a list of texts, tokens, or lists of tokens")
    return items


def _joined_parts(value: Any) -> Any:
    """Read a message's content, which may come in parts; ours are all text."""
    if not isinstance(value, list):
        return value
    for part in value:
        is_text = isinstance(part, dict) and part.get("type") == "text"
        if not (is_text and isinstance(part.get("text"), str)):
            raise ValueError("must be a text, or parts of the type text")
    return "".join(part["text"] for part in value)


Inputs = Annotated[list[Any], BeforeValidator(_texts_or_tokens)]
Stop = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=256)]],
    BeforeValidator(_as_list),
    Field(max_length=16),
]
Interventions = Annotated[list[str], BeforeValidator(_as_list), Field(max_length=256)]


class StreamOptions(Body):
    """How a stream ends."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Writing(Body):
    """What completions and chat have in common."""

    model: str
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    n: int = Field(1, ge=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Stop = []
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    top_k: int | None = Field(None, ge=1)
    min_p: float | None = Field(None, ge=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0, le=100)
    ignore_eos: bool = False
    interventions: Interventions = []
    """What to ablate: `L0H1`, or `MLP1 x0.5`. Of our own, as the four before it."""


class CompletionBody(Writing):
    """`/v1/completions`."""

    prompt: Inputs = [""]
    max_tokens: int = Field(16, ge=1)
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: bool = False


class MessageBody(Body):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined_parts)]
    name: str | None = None
    refusal: None = None


class ChatBody(Writing):
    """`/v1/chat/completions`."""

    messages: list[MessageBody] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int = Field(0, ge=0, le=20)


class EmbeddingBody(Body):
    """`/v1/embeddings`."""

    model: str
    input: Inputs
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


class ActivationBody(Body):
    """`/v1/activations`, of our own."""

    model: str
    prompt: Inputs
    hooks: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1)
    format: Literal["json", "safetensors"] = "json"
    interventions: Interventions = []
