"""Tasks of a Ray cluster that encode blocks, on all its machines.

They ask for no CPU: those of a run that is trained by several workers are held by these
workers already, and wait for the text. Ray itself tries a task again whose machine was
lost.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Self

import numpy as np
from jaxtyping import Int

from minigpt.errors import DataError
from minigpt.runs.job import IN_JOB
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.documents import Part, encode_documents
from minigpt.tokenizers.storage import tokenizer_of

_DRIVER = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""The variable that Ray sets in the process of a job."""


def is_at_hand() -> bool:
    """Whether this process belongs to a job that trains a run on Ray."""
    if IN_JOB not in os.environ or find_spec("ray") is None:
        return False
    return _DRIVER in os.environ or _is_connected()


class RayTasks:
    """Workers of the cluster whose job this process belongs to, while it is entered.

    Args:
        tokenizer: Encodes.
        between: The tokens of what separates two documents.
    """

    def __init__(self, tokenizer: Tokenizer, between: list[int]) -> None:
        self.most = 0
        self._tokenizer, self._between = tokenizer, between
        self._was_connected = _is_connected()

    def __enter__(self) -> Self:
        import ray

        if not self._was_connected:
            _connect()
        # Each has a process of its own there; two are on their way, or done already.
        self.most = int(ray.cluster_resources().get("CPU", 1)) + 2
        self._task = ray.remote(num_cpus=0, scheduling_strategy="SPREAD")(_encoded)
        self._sent = ray.put(json.dumps(self._tokenizer.to_dict()))
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        if not self._was_connected:
            ray.shutdown()

    def submit(self, block: list[Part]) -> Callable[[], Int[np.ndarray, " pos"]]:
        """Hand a block in. See `Workers.submit`."""
        import ray
        from ray.exceptions import RayError

        task = self._task.remote(self._sent, self._between, block)

        def ids() -> Int[np.ndarray, " pos"]:
            try:
                return ray.get(task)
            except RayError as error:
                said = " ".join(str(error).split())[-200:]
                raise DataError(
                    f"Ray could not encode the text (…{said}). What is encoded is "
                    "kept: resume the run."
                ) from None

        return ids


def _is_connected() -> bool:
    return "ray" in sys.modules and sys.modules["ray"].is_initialized()


def _connect() -> None:
    """Connect to the job's cluster; a termination signal means what it meant before."""
    import ray

    means = signal.getsignal(signal.SIGTERM)
    ray.init(logging_level="error", log_to_driver=False)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, means)


def _encoded(
    tokenizer: str, between: list[int], block: list[Part]
) -> Int[np.ndarray, " pos"]:
    """Encode a block, on whichever machine."""
    return encode_documents(_tokenizer_of(tokenizer), block, between)


@lru_cache(maxsize=1)
def _tokenizer_of(fields: str) -> Tokenizer:
    return tokenizer_of(json.loads(fields))
