"""What hooks cost: nobody watching, everything recorded, and TransformerLens beside it.

    python benchmarks/hooks_idle.py

A ratio compares two things that ran one after the other in the same round, and the
median over the rounds is printed: a busy machine slows both alike.

- *idle*: a forward, or a training step, against the same model without hook points: its
  classes are compiled again from their source with every call of one taken out.
- *recorded*: `run_with_cache` against a plain forward, everything, scores and patterns
  too; the plain one uses fused attention.
- *TransformerLens*: its forward and its `run_with_cache`, same weights, against our
  forward; only where it is installed (pip install transformer-lens==4.3.0).
"""

import argparse
import ast
import copy
import inspect
import os
import statistics
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from minigpt import export_pretrained
from minigpt.model import TransformerLM
from minigpt.pretrained.load import read_model
from minigpt.tokenizers import BPETokenizer

os.environ.setdefault("HF_HUB_OFFLINE", "1")

GPT2_SMALL = GPT2Config()
TINY = GPT2Config(
    n_embd=128,
    n_layer=4,
    n_head=4,
    n_positions=64,
    vocab_size=512,
    bos_token_id=0,
    eos_token_id=0,
)
WORKLOADS = [
    ("tiny, 64 tokens", TINY, 64),
    ("GPT-2 small, 128 tokens", GPT2_SMALL, 128),
    ("GPT-2 small, 512 tokens", GPT2_SMALL, 512),
]

Work = Callable[[], object]


class WithoutHookPoints(ast.NodeTransformer):
    """Rewrites `self.hook_x(value)` as `value`, and whether one is watched as False."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Rewrite one call."""
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name("self"), attr=name):
                return node.args[0] if name.startswith("hook_") else node
            case ast.Attribute(attr="is_watched"):
                return ast.Constant(value=False)
        return node


def without_hook_points(model: TransformerLM) -> TransformerLM:
    """Return a copy of a model whose code never calls a hook point."""
    bare = copy.deepcopy(model)
    for module in bare.modules():
        kind = type(module)
        if kind.__module__.startswith("minigpt.model."):
            source = textwrap.dedent(inspect.getsource(kind))
            tree = WithoutHookPoints().visit(ast.parse(source))
            names = dict(vars(sys.modules[kind.__module__]))
            exec(compile(ast.fix_missing_locations(tree), kind.__name__, "exec"), names)
            module.__class__ = names[kind.__name__]
    return bare


def ratios(works: dict[str, Work], base: str, rounds: int) -> dict[str, float]:
    """Run all works in turn; return each one's median time over the base's."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for round_number in range(rounds):
        times = {}
        order = list(works) if round_number % 2 else list(reversed(works))
        for name in order:
            start = time.perf_counter()
            works[name]()
            times[name] = time.perf_counter() - start
        for name, taken in times.items():
            found[name].append(taken / times[base])
    return {name: statistics.median(taken) for name, taken in found.items()}


def forward(model: torch.nn.Module, tokens: torch.Tensor) -> Work:
    """Return a forward without gradients."""

    @torch.inference_mode()
    def run() -> object:
        return model(tokens)

    return run


def step(model: TransformerLM, tokens: torch.Tensor) -> Work:
    """Return a training step, without the optimizer."""

    def run() -> None:
        model.zero_grad()
        logits = model(tokens)[:, :-1].flatten(0, 1)
        torch.nn.functional.cross_entropy(logits, tokens[:, 1:].flatten()).backward()

    return run


def record(model: TransformerLM, tokens: torch.Tensor) -> Work:
    """Return a forward that records everything."""

    @torch.inference_mode()
    def run() -> object:
        return model.run_with_cache(tokens)

    return run


def transformer_lens(model: TransformerLM, reference: GPT2LMHeadModel) -> object | None:
    """Return TransformerLens's model of the same weights, if it is installed."""
    try:
        from transformer_lens.model_bridge import TransformerBridge
    except ImportError:
        return None
    tokenizer = BPETokenizer()
    tokenizer.build_vocab("it wants a tokenizer, though nobody asks it")
    with TemporaryDirectory() as place:
        directory = export_pretrained(model, tokenizer, Path(place) / "model")
        return TransformerBridge.boot_transformers(
            str(directory),
            hf_model=reference,
            tokenizer=AutoTokenizer.from_pretrained(directory),
        )


def compare(config: GPT2Config, length: int, rounds: int) -> dict[str, float]:
    """Measure one workload; every ratio is to our idle forward, or to `bare`."""
    reference = GPT2LMHeadModel(config).eval()
    with TemporaryDirectory() as place:
        reference.save_pretrained(place)
        model = read_model(Path(place))
    bare = without_hook_points(model)
    tokens = torch.randint(0, config.vocab_size, (1, length))
    assert torch.equal(bare(tokens), model(tokens))
    idle = {"bare": forward(bare, tokens), "forward, idle": forward(model, tokens)}
    found = ratios(idle, "bare", rounds)
    training = {"bare": step(bare, tokens), "training step, idle": step(model, tokens)}
    found |= ratios(training, "bare", max(rounds // 3, 1))
    model.requires_grad_(requires_grad=False)
    works = {
        "ours": forward(model, tokens),
        "everything recorded": record(model, tokens),
    }
    theirs = transformer_lens(model, reference)
    if theirs is not None:
        works["TransformerLens, forward"] = forward(theirs, tokens)
        works["TransformerLens, run_with_cache"] = record(theirs, tokens)
    found |= ratios(works, "ours", rounds)
    return {name: found[name] for name in found if name not in ("bare", "ours")}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="of each comparison")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    for title, config, length in WORKLOADS:
        # Short works are measured more often: chance weighs more on them.
        rounds = arguments.rounds * (10 if config is TINY else 1)
        print(title)
        for name, ratio in compare(config, length, rounds).items():
            print(f"  {name:<34}{ratio:>6.3f} ×", flush=True)


if __name__ == "__main__":
    main()
