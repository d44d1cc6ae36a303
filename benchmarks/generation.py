"""Generation against `transformers`: same weights, same tokens, both with their cache.

    python benchmarks/generation.py

A tiny GPT-2 (4 layers, 128 wide) continues one prompt, greedily, by drawing, and with
five beams. Both take turns in every round, so a busy machine slows them alike; the
ratios of the medians are what to trust. Above 1 means that ours is faster. `details` is
a stream that also says, of each token, what else might have come.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
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


def medians(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run all works in turn, some rounds long; return each one's median in seconds."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Read the arguments, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=500, help="tokens to write")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    theirs = random_gpt2(
        n_embd=128, n_layer=4, n_positions=len(PROMPT) + arguments.tokens, vocab_size=65
    )
    ours = copy_gpt2(theirs)
    greedy = GenerationConfig(strategy="greedy", max_new_tokens=arguments.tokens)
    sampling = GenerationConfig(max_new_tokens=arguments.tokens, seed=0)
    beam = GenerationConfig(
        strategy="beam", max_new_tokens=BEAM_TOKENS, num_beams=BEAMS
    )
    for config in (greedy, beam):
        same = write_ours(ours, config) == write_theirs(theirs, config)
        print(f"{config.strategy}: same tokens: {same}")
    works: dict[str, Callable[[], object]] = {}
    for config in (greedy, sampling, beam):
        name = config.strategy
        works[name] = lambda config=config: write_ours(ours, config)
        works[f"{name}, transformers"] = lambda config=config: write_theirs(
            theirs, config
        )
    works["sampling, details"] = lambda: write_ours(ours, sampling, details=True)
    times = medians(works, arguments.rounds)
    print(f"\n{'':>17} {'tokens/s':>8} {'transformers':>12} {'ratio':>6}")
    for name, peer in [
        ("greedy", "greedy"),
        ("sampling", "sampling"),
        ("sampling, details", "sampling"),
        ("beam", "beam"),
    ]:
        count = BEAM_TOKENS if name == "beam" else arguments.tokens
        slow = times[f"{peer}, transformers"]
        print(
            f"{name:>17} {count / times[name]:>8.0f} {count / slow:>12.0f}"
            f" {slow / times[name]:>5.1f} ×"
        )


if __name__ == "__main__":
    main()
