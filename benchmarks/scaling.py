"""How cost grows: with the model's width, depth, context and vocabulary.

    python benchmarks/scaling.py           # some minutes on an idle machine
    python benchmarks/scaling.py --quick   # less than one

From one base model, one size at a time is varied. Each value of a size takes one
training step (forward, backward, AdamW) per round, in turns, so a busy machine slows
them alike; every step reads the same number of tokens. Printed are medians over the
rounds, and exponents: the slope of a line through log(cost) against log(size), which is
the power of the size that the cost grows with. Below 1 means that something else, of
fixed size, still takes most of the time; `at the end` is the slope of the two largest.

`memory` is what a step holds, counted and not sampled: weights, gradients and AdamW's
two averages, and all that the forward keeps for the backward.

At last, generation: the time of a token by its position, with the cache. A new token
reads all weights, about 12 d² a layer, and the cached keys and values, 2 p d at place
p: p / 6d as many. So it is flat where a model is wide beside its context: within 20%
for the smallest GPT-2, or the script fails. `numbers` is that sum, to the weights'.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from minigpt.config import GenerationConfig, TrainConfig
from minigpt.generation import Sampler
from minigpt.model import TransformerLM
from minigpt.model.sizes import num_parameters
from minigpt.training.distributed import Team
from minigpt.training.optimizer import build_optimizer
from minigpt.training.step import StepSetup, take_step

BASE = {"d_model": 256, "num_layers": 4, "max_seq_len": 256, "vocab_size": 1000}
SIZES = {
    "d_model": (64, 128, 256, 384, 512, 768),
    "num_layers": (2, 4, 6, 8, 12),
    "max_seq_len": (64, 128, 256, 512, 1024),
    "vocab_size": (100, 1000, 5000, 20_000, 50_000),
}
QUICK = {name: (values[0], values[2], values[-1]) for name, values in SIZES.items()}
D_HEAD = 64
COPIES_OF_WEIGHTS = 4

CONTEXT = 1024
POSITIONS = (8, 256, 512, 768, 960)
UNTIMED, TIMED = 3, 16
"""Tokens that prepare the decoder, and those after them."""
JUDGED = "GPT-2 small, 124 M"
WRITERS = {
    "base, 3.5 M": {"d_model": 256, "num_layers": 4, "num_heads": 4},
    JUDGED: {"d_model": 768, "num_layers": 12, "num_heads": 12, "vocab_size": 50257},
}
FLAT = 1.2
"""How much dearer the last positions may be than the first."""

ALONE = Team(rank=0, size=1, device=torch.device("cpu"))
TRAIN = TrainConfig(optimizer="adamw", warmup_steps=0)


@dataclass
class Point:
    """A model of one size, and what its steps cost."""

    size: int
    model: TransformerLM
    batch: tuple[Tensor, Tensor]
    seconds: list[float] = field(default_factory=list)
    memory: int = 0
    """Bytes."""

    def step(self) -> None:
        """Take one training step, and note its time."""
        start = time.perf_counter()
        take_step(self.model, self.optimizer, self.batch, 0, StepSetup(TRAIN, ALONE))
        self.seconds.append(time.perf_counter() - start)

    def __post_init__(self) -> None:
        self.optimizer = build_optimizer(self.model, TRAIN)
        self.memory = memory_of_a_step(self.model, self.batch[0])


def point(name: str, size: int, tokens_per_step: int) -> Point:
    """Build the base model with one size changed, and a batch for it."""
    settings = BASE | {name: size}
    heads = max(1, settings["d_model"] // D_HEAD)
    model = TransformerLM(**settings, num_heads=heads)
    context = settings["max_seq_len"]
    shape = (max(1, tokens_per_step // context), context)
    tokens = torch.randint(0, settings["vocab_size"], shape)
    return Point(size, model, (tokens, tokens.roll(-1, dims=1)))


def memory_of_a_step(model: TransformerLM, tokens: Tensor) -> int:
    """Count the bytes of weights and their copies, and of what the forward keeps."""
    weights = {p.data_ptr(): p.nbytes for p in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = model(tokens)
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    activations = sum(kept[place] for place in kept.keys() - weights.keys())
    return COPIES_OF_WEIGHTS * sum(weights.values()) + activations


def slope(sizes: list[int], costs: list[float]) -> float:
    """Return the exponent of a power law, by least squares in the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def vary(name: str, sizes: tuple[int, ...], rounds: int, tokens_per_step: int) -> None:
    """Measure one size, and print its table and exponents."""
    torch.manual_seed(0)
    points = [point(name, size, tokens_per_step) for size in sizes]
    for of_size in points:
        of_size.step()
        of_size.seconds.clear()
    for turn in range(rounds):
        for of_size in points if turn % 2 else reversed(points):
            of_size.step()
    print(f"\n{name:<12}{'ms/step':>9}{'tokens/s':>10}{'memory MB':>11}{'weights':>10}")
    for of_size in points:
        seconds = statistics.median(of_size.seconds)
        tokens = of_size.batch[0].numel()
        print(
            f"{of_size.size:<12}{1e3 * seconds:>9.1f}{tokens / seconds:>10,.0f}"
            f"{of_size.memory / 1e6:>11,.1f}"
            f"{num_parameters(of_size.model.config) / 1e6:>8.2f} M"
        )
    x = [of_size.size for of_size in points]
    per_round = [
        slope(x, [of_size.seconds[turn] for of_size in points])
        for turn in range(rounds)
    ]
    medians = [statistics.median(of_size.seconds) for of_size in points]
    memory = [float(of_size.memory) for of_size in points]
    print(
        f"time ~ {name}^{slope(x, medians):.2f}"
        f" ({min(per_round):.2f} to {max(per_round):.2f} in {rounds} rounds), "
        f"at the end ^{slope(x[-2:], medians[-2:]):.2f}\n"
        f"memory ~ {name}^{slope(x, memory):.2f}, "
        f"at the end ^{slope(x[-2:], memory[-2:]):.2f}",
        flush=True,
    )


def seconds_per_token(
    model: TransformerLM, positions: Sequence[int], rounds: int
) -> dict[int, float]:
    """Continue texts of several lengths; return the median time of a token of each."""
    config = GenerationConfig(strategy="greedy", max_new_tokens=TIMED + UNTIMED + 32)
    times: dict[int, list[float]] = {position: [] for position in positions}
    for turn in range(rounds):
        for position in positions if turn % 2 else reversed(positions):
            sampler = Sampler(model, [1] * position, config)
            for draw in range(UNTIMED + TIMED):
                start = time.perf_counter()
                sampler.draw()
                if draw >= UNTIMED:
                    times[position].append(time.perf_counter() - start)
    return {position: statistics.median(taken) for position, taken in times.items()}


def generation(name: str, rounds: int) -> float:
    """Print the time of a token by its position; return the last's over the first's."""
    torch.manual_seed(0)
    model = TransformerLM(**WRITERS[name], max_seq_len=CONTEXT).eval()
    config = model.config
    found = seconds_per_token(model, POSITIONS, rounds)
    first = found[POSITIONS[0]]
    print(f"\n{name}\n{'position':<10}{'ms/token':>10}{'to first':>10}{'numbers':>10}")
    for position, seconds in found.items():
        cached = 2 * config.num_layers * position * config.d_model
        read = 1 + cached / num_parameters(config)
        print(
            f"{position:<10}{1e3 * seconds:>10.3f}{seconds / first:>10.2f}{read:>10.2f}"
        )
    return found[POSITIONS[-1]] / first


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    parser.add_argument("--rounds", type=int, help="steps of each size (5; quick: 3)")
    parser.add_argument("--tokens", type=int, help="per step (2048; quick: 1024)")
    parser.add_argument(
        "--sizes", nargs="*", help="only these (none named: only generation)"
    )
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    quick = arguments.quick
    rounds = arguments.rounds or (3 if quick else 5)
    tokens = arguments.tokens or (1024 if quick else 2048)
    for name, sizes in (QUICK if quick else SIZES).items():
        if arguments.sizes is None or name in arguments.sizes:
            vary(name, sizes, rounds, tokens)
    ratios = {name: generation(name, rounds) for name in WRITERS}
    for name, ratio in ratios.items():
        print(f"{name}: a token near {CONTEXT} takes {ratio:.2f} × one near the start")
    if ratios[JUDGED] > FLAT:
        sys.exit(f"That is more than {FLAT} ×: the cache does not keep it flat.")


if __name__ == "__main__":
    main()
