"""int8 and int4 weights: loss on tales, size, and tokens per second at GPT-2's size.

    python benchmarks/quantization.py             three minutes
    python benchmarks/quantization.py --part loss one of the two parts

`loss` rounds `tales` and reads stories that it did not learn from. `speed` lets a model
of GPT-2's shape (124 M, random weights) write greedily in fp32, int8 and int4; all take
turns, some tokens each, so that a busy machine slows them alike: trust the ratios, and
on a very busy one those of the quickest tenth.

Where `torchao` is installed (`pip install torchao`), it rounds the same weights, those
of linear layers alone: to int8, and in symmetric groups of 64 to int4. Its int8 writes
through our modules, eagerly; it is made for `torch.compile`, which is not used here.

`OMP_NUM_THREADS=1` in front gives one thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig, standard_quantization
from minigpt.generation.sample import Sampler
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.weights.rounding_cost import loss_with
from minigpt.model import LanguageModel, TransformerLM
from minigpt.quantization import dequantize, quantize, stored_bytes

TALES = Path(__file__).parents[1] / "data" / "models" / "tales"
EIGHT, FOUR = standard_quantization(8), standard_quantization(4)
TURN = 64
"""Tokens that one of them writes before the next has its turn: NumPy's second thread
waits at work for a while after its last product, and takes a core from the next one."""


def by_torchao(model: LanguageModel, bits: int) -> LanguageModel:
    """Return a copy whose linear layers torchao has rounded."""
    from torchao.quantization import (
        Int8WeightOnlyConfig,
        IntxWeightOnlyConfig,
        PerGroup,
        quantize_,
    )

    rounded = deepcopy(model)
    eight = Int8WeightOnlyConfig()
    four = IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(64))
    quantize_(rounded, eight if bits == 8 else four)
    return rounded


def show_loss(has_torchao: bool) -> None:
    """Print what rounding costs on tales: nats per token, and the size."""
    model, tokenizer, metadata = load_checkpoint(TALES)
    windows = held_out_windows(metadata, tokenizer, 128, 128)
    before, whole = loss_with(model, windows, {}), stored_bytes(model)
    print(f"\n{'tales':>18} {'loss':>8} {'rise':>8} {'size':>7}")
    print(f"{'fp32':>18} {before:>8.4f} {'':>8} {'1':>7}")
    for config in (EIGHT, FOUR):
        small = quantize(model, config)
        loss = loss_with(dequantize(small), windows, {})
        size = stored_bytes(small) / whole
        name = f"int{config.bits}"
        print(f"{name:>18} {loss:>8.4f} {loss - before:>+8.4f} {size:>6.3f} ×")
        if has_torchao:
            with torch.inference_mode():
                theirs = by_torchao(model, config.bits)
                texts = torch.as_tensor(windows)
                logits = theirs(texts)[:, :-1].flatten(0, 1)
                loss = torch.nn.functional.cross_entropy(
                    logits, texts[:, 1:].flatten()
                ).item()
            name = f"torchao's int{config.bits}"
            print(f"{name:>18} {loss:>8.4f} {loss - before:>+8.4f}")


def writer(model: LanguageModel, *, watched: bool = False) -> Callable[[], object]:
    """Return a function that writes one more token of a text, the start behind it."""
    config = GenerationConfig(strategy="greedy", max_new_tokens=1000)
    sampler = Sampler(model, [5, 6, 7, 8], config, watched=watched)
    for _ in range(3):  # reads the prompt, and makes the fast decoder
        sampler.draw()
    return sampler.draw


def show_speed(has_torchao: bool, tokens: int) -> None:
    """Print tokens per second of a model of GPT-2's shape."""
    torch.manual_seed(0)
    model = TransformerLM(
        vocab_size=50257, d_model=768, num_layers=12, num_heads=12, max_seq_len=1024
    )
    model = model.eval().requires_grad_(False)
    writers = {
        "fp32": writer(model),
        "int8": writer(quantize(model, EIGHT)),
        "int4": writer(quantize(model, FOUR)),
        "fp32, modules": writer(model, watched=True),
    }
    if has_torchao:
        writers["torchao's int8"] = writer(by_torchao(model, 8), watched=True)
    times: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(tokens // TURN):
        for name, write in writers.items():
            for _ in range(TURN):
                start = time.perf_counter()
                write()
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    tenths = {
        name: statistics.quantiles(taken, n=10)[0] for name, taken in times.items()
    }
    print(f"\n{'124 M':>18} {'tokens/s':>8} {'to fp32':>8} {'quickest tenth':>15}")
    for name, taken in medians.items():
        ratios = [each["fp32"] / each[name] for each in (medians, tenths)]
        print(f"{name:>18} {1 / taken:>8.1f} {ratios[0]:>6.2f} × {ratios[1]:>13.2f} ×")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["loss", "speed", "both"], default="both")
    parser.add_argument("--tokens", type=int, default=192, help="tokens that are timed")
    arguments = parser.parse_args()
    has_torchao = find_spec("torchao") is not None
    beside = "" if has_torchao else "; torchao is not installed"
    print(f"{torch.get_num_threads()} threads{beside}")
    if arguments.part in ("loss", "both"):
        show_loss(has_torchao)
    if arguments.part in ("speed", "both"):
        show_speed(has_torchao, arguments.tokens)


if __name__ == "__main__":
    main()
