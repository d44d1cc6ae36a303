"""Processes of this machine that encode blocks, each one block at a time.

Not `multiprocessing`: that would run a user's script again in each process, or fork one
in which torch has threads. And nothing here is unpickled.

A process holds nothing but the block it encodes, so it may be killed at any moment.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Self, cast

import numpy as np
from jaxtyping import Int

from minigpt.errors import DataError
from minigpt.preparation.encoding.process import SIZE_BYTES
from minigpt.tokenizers.documents import Part

Child = subprocess.Popen[bytes]
BOUND = "OMP_NUM_THREADS"
"""The variable that bounds how many cores torch takes, and so this."""


def usable_cores() -> int:
    """Return how many cores this process may use, and is allowed to by `BOUND`."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    bound = os.environ.get(BOUND, "").partition(",")[0].strip()
    return min(cores, int(bound)) if bound.isdecimal() else cores


class Processes:
    """Workers on this machine, while it is entered.

    Args:
        tokenizer: The tokenizer's file.
        between: The tokens of what separates two documents.
        number: How many.

    Raises:
        DataError: On entering, if they cannot be started.
    """

    def __init__(self, tokenizer: Path, between: list[int], number: int) -> None:
        self.most = 2 * number  # one is encoded, and the next is there when it is done
        self._words = json.dumps([str(tokenizer.absolute()), between])
        self._threads = ThreadPoolExecutor(number)
        self._number = number
        self._children: list[Child] = []
        self._idle: SimpleQueue[Child] = SimpleQueue()

    def __enter__(self) -> Self:
        try:
            for _ in range(self._number):
                self._children.append(_started(self._words))
                self._idle.put(self._children[-1])
        except OSError as error:
            self.__exit__()
            raise _lost(f"cannot be started ({error.strerror})") from None
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            # What was not sent yet cannot be sent any more.
            with suppress(OSError), child:
                pass

    def submit(self, block: list[Part]) -> Callable[[], Int[np.ndarray, " pos"]]:
        """Hand a block in. See `Workers.submit`."""
        return self._threads.submit(self._encode, block).result

    def _encode(self, block: list[Part]) -> Int[np.ndarray, " pos"]:
        """Send a block to a process and read its answer, in a thread of their own.

        Who writes and reads in turns never waits for one who waits for him.
        """
        child = self._idle.get()
        line = json.dumps(block, ensure_ascii=False).encode() + b"\n"
        try:
            return _answer(child, line)
        except (OSError, EOFError):
            raise _lost(f"has ended (exit code {child.wait()})") from None
        finally:
            self._idle.put(child)


def _started(words: str) -> Child:
    path = os.pathsep.join(sys.path)  # this package may be found by it only here
    return subprocess.Popen(
        [sys.executable, "-m", "minigpt.preparation.encoding.process", words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, BOUND: "1"},
        # Ctrl-C is for us, and we end it.
        process_group=0,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _answer(child: Child, line: bytes) -> Int[np.ndarray, " pos"]:
    requests, answers = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
    requests.write(line)
    requests.flush()
    size = int.from_bytes(_read(answers, SIZE_BYTES), "little")
    return np.frombuffer(_read(answers, size), np.int32)


def _read(answers: IO[bytes], size: int) -> bytes:
    content = answers.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _lost(what: str) -> DataError:
    return DataError(
        f"A process that encodes the text {what}; perhaps the memory is full. What is "
        "encoded is kept. Let other programs end and start again, or do so with "
        f"{BOUND}=1: then this process encodes alone, in less memory."
    )
