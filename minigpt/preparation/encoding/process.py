"""What a process does that encodes: `python -m minigpt.preparation.encoding.process`.

Each line of its input is a block, as JSON. The answer is the number of bytes that
follow, in eight bytes, and the ids, in four bytes each. It ends when its input does:
when whoever started it closes it, or dies.

It imports no torch, so it is small and starts soon.
"""

import json
import sys
from contextlib import suppress
from typing import BinaryIO, Final

from minigpt.tokenizers.documents import encode_documents
from minigpt.tokenizers.storage import load_tokenizer

SIZE_BYTES: Final = 8


def serve(path: str, between: list[int], blocks: BinaryIO, answers: BinaryIO) -> None:
    """Encode blocks until there are no more.

    Args:
        path: The tokenizer's file.
        between: The tokens of what separates two documents.
        blocks: Where they come from.
        answers: Where the tokens go.
    """
    tokenizer = load_tokenizer(path)
    for line in blocks:
        if not line.endswith(b"\n"):
            return  # who wrote it was killed meanwhile
        ids = encode_documents(tokenizer, json.loads(line), between).tobytes()
        answers.write(len(ids).to_bytes(SIZE_BYTES, "little") + ids)
        answers.flush()


if __name__ == "__main__":
    # Who started it may end at any moment; then there is nobody to tell.
    with suppress(OSError), sys.stdout.buffer as answers:
        path, between = json.loads(sys.argv[1])
        serve(path, between, sys.stdin.buffer, answers)
