"""Looks into the model: `/v1/embeddings`, and `/v1/activations` of our own."""

import base64
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float
from starlette.responses import JSONResponse, Response
from torch import Tensor

from minigpt.errors import near_names
from minigpt.model import TransformerLM
from minigpt.model.recording_memory import recorded_bytes
from minigpt.serve.answering import Json
from minigpt.serve.bodies import ActivationBody, EmbeddingBody
from minigpt.serve.errors import ApiError
from minigpt.serve.served import Served

AS_JSON = 5
"""How many times its size a number takes in digits."""


def embeddings(served: Served, body: EmbeddingBody) -> Callable[[], Json]:
    """Return a look that finds a vector of length 1 for each text.

    It is the mean, over the text's tokens, of what the unembedding reads: of
    `ln_final.hook_normalized`, or of an MLP's last `hook_post`.

    Raises:
        ApiError: If a text cannot be read, or another width is asked for.
    """
    served.require_count(len(body.input), "input")
    texts = [served.tokens_of(item, "input") for item in body.input]
    hook = "ln_final.hook_normalized"
    if not isinstance(served.model, TransformerLM):
        hook = f"blocks.{served.model.config.num_layers - 1}.hook_post"

    def look() -> Json:
        vectors = [_mean(served, tokens, hook) for tokens in texts]
        width = vectors[0].shape[0]
        if body.dimensions not in (None, width):
            raise ApiError(
                400, f"dimensions must be {width}, the model's.", "dimensions"
            )
        entries = [
            {"object": "embedding", "index": index, "embedding": _spelled(vector, body)}
            for index, vector in enumerate(vectors)
        ]
        read = sum(map(len, texts))
        return {
            "object": "list",
            "data": entries,
            "model": served.name,
            "usage": {"prompt_tokens": read, "total_tokens": read},
        }

    return look


@torch.inference_mode()
def _mean(served: Served, tokens: list[int], hook: str) -> Float[np.ndarray, " width"]:
    ids = torch.tensor([tokens], device=served.model.device)
    _, cache = served.model.run_with_cache(ids, hook)
    vector = cache[hook][0].float().mean(0)
    return (vector / vector.norm().clamp(min=1e-12)).cpu().numpy()


def _spelled(vector: Float[np.ndarray, " width"], body: EmbeddingBody) -> object:
    if body.encoding_format == "float":
        return vector.tolist()
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def activations(served: Served, body: ActivationBody) -> Callable[[], Response]:
    """Return a look that records every hook a name or glob matches, on one text.

    Raises:
        ApiError: If there is no such hook, or the recording would be too large.
    """
    if len(body.prompt) != 1:
        raise ApiError(400, "prompt must be one text, or one list of tokens.", "prompt")
    tokens = served.tokens_of(body.prompt[0], "prompt")
    names = _matching(served, body.hooks)
    edits = served.interventions(body.interventions, len(tokens))

    @torch.inference_mode()
    def look() -> Response:
        _require_size(served, names, len(tokens), body.format)
        ids = torch.tensor([tokens], device=served.model.device)
        with served.model.hooks(edits):
            _, cache = served.model.run_with_cache(ids, names)
        found = {name: value.cpu().contiguous() for name, value in cache.items()}
        return _sent(served, tokens, found, body)

    return look


def _require_size(served: Served, names: Sequence[str], length: int, form: str) -> None:
    size = recorded_bytes(names, served.model.config, (1, length)) / 1e6
    size *= AS_JSON if form == "json" else 1
    most = served.settings.max_activations_mb
    if size > most:
        raise ApiError(
            413,
            f"{len(names)} activations of {length} tokens are {size:.1f} MB of {form}, "
            f"and this server sends at most {most:g}: ask for fewer hooks, for less "
            "text, or for safetensors.",
            "hooks",
            "too_large",
        )


def _matching(served: Served, globs: Sequence[str]) -> list[str]:
    points = served.model.hook_points
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in points):
            hint = near_names(glob, points)
            raise ApiError(400, f"There is no hook {glob!r:.80}.{hint}", "hooks")
    return [name for name in points if any(fnmatchcase(name, glob) for glob in globs)]


def _sent(
    served: Served, tokens: list[int], found: dict[str, Tensor], body: ActivationBody
) -> Response:
    if body.format == "safetensors":
        content = safetensors.torch.save(
            {name: value.clone() for name, value in found.items()},
            {"model": served.name, "tokens": " ".join(map(str, tokens))},
        )
        return Response(content, media_type="application/octet-stream")
    values = {
        name: {"shape": list(value.shape), "data": _plain(value.float().numpy())}
        for name, value in found.items()
    }
    return JSONResponse(
        {
            "object": "activations",
            "model": served.name,
            "tokens": tokens,
            "pieces": served.tokenizer.pieces(tokens),
            "activations": values,
        }
    )


def _plain(values: Float[np.ndarray, "*shape"]) -> object:
    """Return nested lists; null stands for −∞, which JSON cannot say."""
    if np.isfinite(values).all():
        return values.tolist()
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()
