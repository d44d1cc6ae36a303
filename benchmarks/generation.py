"""Generation against `transformers`: same weights, same tokens, both with their cache.

    python benchmarks/generation.py              both sizes, some four minutes
    python benchmarks/generation.py --size tiny  one minute

A tiny GPT-2 (4 layers, 128 wide) and one of GPT-2's own size (124 M, random weights; in
fp32 and in bf16) continue one prompt, greedily, by drawing, and with five beams. Both
take turns in every round, so a busy machine slows them alike; what to trust is the
median of the rounds' ratios, by the clock and of the processor's time, in which waiting
for other processes does not count. Above 1 means that ours is faster. `details` is a
stream that also says, of each token, what else might have come. In bf16 two ways to add
up the same numbers part after some tokens: how many were the same is printed.

`OMP_NUM_THREADS=1` in front gives both one thread.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from itertools import takewhile
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

from minigpt.config import GenerationConfig
from minigpt.generation import Sampler, beam_search
from minigpt.generation.step import describe
from minigpt.model import TransformerLM
from minigpt.tokenizers import CharTokenizer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from model.gpt2_oracle import copy_gpt2, random_gpt2

PROMPT = [5, 6, 7, 8]
BEAMS, BEAM_TOKENS = 5, 50
TOKENIZER = CharTokenizer()
TOKENIZER.build_vocab("".join(map(chr, range(40, 101))))


def write_ours(
    model: TransformerLM, config: GenerationConfig, details: bool = False
) -> list[int]:
    """Write with our model and return the tokens."""
    if config.strategy == "beam":
        return beam_search(model, PROMPT, config, None).sequences[0].tokens
    sampler = Sampler(model, PROMPT, config)
    tokens = []
    while not sampler.is_done:
        draw = sampler.draw()
        tokens.append(draw.token)
        if details:
            describe(draw, len(tokens), "", TOKENIZER, 10)
    return tokens


def write_theirs(model: GPT2LMHeadModel, config: GenerationConfig) -> list[int]:
    """Write with `transformers` and return the tokens."""
    settings = {
        "greedy": {"do_sample": False},
        "sampling": {
            "do_sample": True,
            "temperature": config.temperature,
            "top_k": config.top_k,
        },
        "beam": {"do_sample": False, "num_beams": config.num_beams},
    }
    output = model.generate(
        torch.tensor([PROMPT]),
        attention_mask=torch.ones(1, len(PROMPT), dtype=torch.long),
        max_new_tokens=config.max_new_tokens,
        eos_token_id=None,
        pad_token_id=0,
        **settings[config.strategy],
    )
    return output[0, len(PROMPT) :].tolist()


Times = dict[str, list[tuple[float, float]]]
"""Of each work and round: seconds by the clock, and of the processor."""


def measure(works: dict[str, Callable[[], object]], rounds: int) -> Times:
    """Run all works in turn, some rounds long."""
    times: Times = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter(), time.process_time()
            work()
            taken = time.perf_counter() - start[0], time.process_time() - start[1]
            times[name].append(taken)
    return times


def ratios(slow: list[tuple[float, float]], quick: list[tuple[float, float]]) -> str:
    """Return the medians of the rounds' ratios, by the clock and of the processor."""
    pairs = list(zip(slow, quick, strict=True))
    clock = statistics.median(theirs[0] / ours[0] for theirs, ours in pairs)
    processor = statistics.median(theirs[1] / ours[1] for theirs, ours in pairs)
    return f"{clock:>5.2f} × {processor:>9.2f} ×"


def same_tokens(ours: list[int], theirs: list[int]) -> str:
    """Say how far two texts are the same."""
    pairs = zip(ours, theirs, strict=True)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return "all tokens" if alike == len(ours) else f"the first {alike} tokens"


def compare(
    title: str, ours: TransformerLM, theirs: GPT2LMHeadModel, tokens: int, rounds: int
) -> None:
    """Print one table: a row for each way to write."""
    greedy = GenerationConfig(strategy="greedy", max_new_tokens=tokens)
    sampling = GenerationConfig(max_new_tokens=tokens, seed=0)
    beam = GenerationConfig(
        strategy="beam", max_new_tokens=BEAM_TOKENS, num_beams=BEAMS
    )
    same = {"sampling": "other dice"}
    works: dict[str, Callable[[], object]] = {}
    for config in (greedy, sampling, beam):
        name = config.strategy
        works[name] = lambda config=config: write_ours(ours, config)
        works[f"{name}, theirs"] = lambda config=config: write_theirs(theirs, config)
        if config is not sampling:
            same[name] = same_tokens(works[name](), works[f"{name}, theirs"]())
    rows = {name: name for name in same}
    if ours.config.vocab_size == TOKENIZER.vocab_size:
        works["details"] = lambda: write_ours(ours, sampling, details=True)
        rows["details"] = "sampling"
    times = measure(works, rounds)
    print(
        f"\n{title:>14} {'tokens/s':>8} {'transformers':>12} {'ratio':>7}"
        f" {'processor':>11}  same"
    )
    for name, peer in rows.items():
        count = BEAM_TOKENS if name == "beam" else tokens
        both = times[name], times[f"{peer}, theirs"]
        speeds = [count / statistics.median(t for t, _ in each) for each in both]
        print(
            f"{name:>14} {speeds[0]:>8.1f} {speeds[1]:>12.1f}"
            f" {ratios(both[1], both[0])}  {same.get(name, '')}"
        )


def main() -> None:
    """Read the arguments, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=["tiny", "124M", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each")
    parser.add_argument("--tokens", type=int, help="tokens to write (500, of 124 M 64)")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    if arguments.size in ("tiny", "both"):
        tokens = arguments.tokens or 500
        theirs = random_gpt2(
            n_embd=128, n_layer=4, n_positions=len(PROMPT) + tokens, vocab_size=65
        )
        compare("tiny", copy_gpt2(theirs), theirs, tokens, arguments.rounds)
    if arguments.size in ("124M", "both"):
        tokens = arguments.tokens or 64
        theirs = random_gpt2(
            n_embd=768, n_layer=12, n_head=12, n_positions=1024, vocab_size=50257
        )
        ours = copy_gpt2(theirs)
        compare("124 M, fp32", ours, theirs, tokens, arguments.rounds)
        ours.to(torch.bfloat16)
        compare("bf16 to fp32", ours, theirs, tokens, arguments.rounds)
        half = deepcopy(theirs).to(torch.bfloat16)
        compare("bf16 to bf16", ours, half, tokens, arguments.rounds)


if __name__ == "__main__":
    main()
