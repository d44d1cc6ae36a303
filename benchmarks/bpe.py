"""Byte pair encoding against `tokenizers` (Rust) and `tiktoken` (Rust).

    python benchmarks/bpe.py path/to/text.txt

All three take turns in every round, so a busy machine slows them alike; the ratios of
the medians are what to trust. Above 1 means that ours is faster. Last, ours alone
learns from single words of growing length: an exponent of 1 is linear, 2 quadratic.
"""

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import tiktoken
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers, trainers

from minigpt.tokenizers import SPECIAL_TOKENS, BPETokenizer
from minigpt.tokenizers.byte_pair.pretokens import PATTERN

SIZES = (1024, 5000, 10_000)


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes, by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run all works in turn, some rounds long; return each one's median in seconds."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(taken) for name, taken in times.items()}


def train_theirs(texts: list[str], vocab_size: int) -> RustTokenizer:
    """Train the same tokenizer with `tokenizers`."""
    theirs = RustTokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    return theirs


def as_tiktoken(ours: BPETokenizer) -> tiktoken.Encoding:
    """Give our tokens and ranks to `tiktoken`."""
    tokens = range(len(SPECIAL_TOKENS), ours.vocab_size)
    return tiktoken.Encoding(
        "ours",
        pat_str=PATTERN.pattern,
        mergeable_ranks={ours.token_bytes(token): token for token in tokens},
        special_tokens={},
    )


def compare_training(text: str, rounds: int) -> None:
    """Print training times."""
    lines = text.splitlines(keepends=True)
    print(f"{'training to':>12} {'ours':>8} {'one string':>18} {'lines':>18}")
    for size in SIZES:
        times = medians(
            {
                "ours": lambda size=size: BPETokenizer(size).build_vocab(text),
                "string": lambda size=size: train_theirs([text], size),
                "lines": lambda size=size: train_theirs(lines, size),
            },
            rounds,
        )
        ours = times["ours"]
        print(
            f"{size:>12,} {ours:>6.2f} s"
            f" {times['string']:>8.2f} s {times['string'] / ours:>5.2f} ×"
            f" {times['lines']:>8.2f} s {times['lines'] / ours:>5.2f} ×"
        )


def show_growth() -> None:
    """Print training times on texts without a space, each twice as long as before."""
    print(f"\n{'one word of':>14} {'ours':>8} {'exponent':>9}")
    before, dice = 0.0, random.Random(0)
    for letters in (250_000, 500_000, 1_000_000, 2_000_000):
        word = "".join(dice.choices("ACGT", k=letters))
        taken = seconds(lambda word=word: BPETokenizer(SIZES[0]).build_vocab(word))
        exponent = f"{math.log2(taken / before):>9.2f}" if before else ""
        print(f"{letters:>14,} {taken:>6.2f} s {exponent}")
        before = taken


def compare_encoding(text: str, rounds: int) -> None:
    """Print encoding speeds, and check that all give the same tokens."""
    size = SIZES[-1]
    ours, theirs = BPETokenizer(size), train_theirs([text], size)
    ours.build_vocab(text)
    tik = as_tiktoken(ours)
    same = ours.encode(text) == theirs.encode(text).ids == tik.encode_ordinary(text)
    merges = ours.merges
    colds = iter([BPETokenizer.from_merges(merges) for _ in range(rounds)])
    megabytes = len(text.encode("utf-8")) / 1e6
    times = medians(
        {
            "ours, cold": lambda: next(colds).encode(text),
            "ours, warm": lambda: ours.encode(text),
            "tokenizers": lambda: theirs.encode(text),
            "tiktoken": lambda: tik.encode_ordinary(text),
        },
        rounds,
    )
    print(f"\nencoding with {size:,} tokens; all ids equal: {same}")
    for name, taken in times.items():
        print(
            f"{name:>12} {megabytes / taken:>6.1f} MB/s"
            f" {taken / times['ours, cold']:>6.2f} × cold"
            f" {taken / times['ours, warm']:>6.2f} × warm"
        )


def main() -> None:
    """Read the arguments and print the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="a UTF-8 text file")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each")
    arguments = parser.parse_args()
    text = arguments.text.read_text(encoding="utf-8")
    compare_training(text, arguments.rounds)
    compare_encoding(text, arguments.rounds)
    show_growth()


if __name__ == "__main__":
    main()
