"""A job of Ray for the tests: a cluster encodes a text, and then one process does.

python encoding_job.py TEXT PLACE      writes PLACE/there and PLACE/here
"""

import os
import signal
import sys
from pathlib import Path

from minigpt.config import DataConfig, TokenizerConfig
from minigpt.datasets import corpus
from minigpt.preparation import token_writing
from minigpt.preparation.encoding import encoder, in_order
from minigpt.preparation.large_texts import prepare_large_text


def encode_in(place: str) -> None:
    """Encode the text in a place of its own."""
    os.environ["MINIGPT_DATA"] = str(Path(sys.argv[2]) / place)
    data = DataConfig(source=sys.argv[1], document_separator="\n\n")
    config = TokenizerConfig(kind="bpe", vocab_size=300)
    prepare_large_text(data, None, config, 16)


# The text is short, so that the test is.
corpus.LARGE, in_order.BLOCK, encoder.WORTH_A_WORKER = 20_000, 3_000, 1
token_writing.SPARE_BYTES = 0
alone, encoder.encode_parts = encoder.encode_parts, None  # who encodes here would fail
encoder.Processes = None
signal.signal(signal.SIGTERM, signal.SIG_IGN)
encode_in("there")
assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
encoder.encode_parts, encoder.WORTH_A_WORKER = alone, 10**6
encode_in("here")
