"""nanoGPT itself, from a clone of its repository, as a contender of `training.py`.

None of its code is here: its `model.py` is imported from where it lies, and trained
with the settings of the CPU example in its README.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from minigpt.config import TrainConfig
from minigpt.training.schedule import schedule_factor
from minigpt.training.step import StepSetup, take_step

SETTINGS = TrainConfig(max_steps=2000, batch_size=12, beta2=0.99)
"""Of the README's CPU example: what it gives as flags, and its defaults else."""
CONTEXT = 64
AGREE = 1e-3
"""nanoGPT's GELU is the exact one and ours GPT-2's approximation."""

NAMES = {
    "transformer.wte": "token_embedding",
    "transformer.wpe": "position_embedding",
    "transformer.h": "blocks",
    "transformer.ln_f": "ln_final",
    "ln_1": "ln1",
    "ln_2": "ln2",
    "c_attn": "qkv",
    "c_fc": "input",
    "c_proj": "output",
}


class NanoGPT:
    """nanoGPT's model, optimizer and schedule, and its clock."""

    def __init__(
        self, clone: Path, tokens: torch.Tensor, held_out: torch.Tensor
    ) -> None:
        vocab_size = int(max(tokens.max(), held_out.max())) + 1
        self.model, self.optimizer = build(clone, vocab_size)
        self.tokens, self.held_out = tokens, held_out
        self.total = SETTINGS.max_steps or 0
        self.step, self.seconds = 0, 0.0

    @staticmethod
    def maker(clone: Path) -> Callable[[Path, int], "NanoGPT"]:
        """Return what makes a run from a text and a seed."""

        def make(text: Path, seed: int) -> "NanoGPT":
            torch.manual_seed(seed)
            letters = text.read_text(encoding="utf-8")
            number = {letter: i for i, letter in enumerate(sorted(set(letters)))}
            ids = torch.tensor([number[letter] for letter in letters])
            learned = int(0.9 * len(ids))
            return NanoGPT(clone, ids[:learned], ids[learned:])

        return make

    def advance(self, until: int) -> None:
        """Train up to a step, and count the time."""
        start = time.perf_counter()
        while self.step < until:
            starts = torch.randint(len(self.tokens) - CONTEXT, (SETTINGS.batch_size,))
            windows = self.tokens[starts[:, None] + torch.arange(CONTEXT + 1)]
            learn(self.model, self.optimizer, windows, self.step)
            self.step += 1
        self.seconds += time.perf_counter() - start

    @torch.no_grad()
    def loss(self) -> float:
        """Return the loss on the whole validation split."""
        count = (len(self.held_out) - 1) // CONTEXT
        inputs, labels = (
            self.held_out[first : first + count * CONTEXT].view(count, CONTEXT)
            for first in (0, 1)
        )
        total = 0.0
        for x, y in zip(inputs.split(32), labels.split(32), strict=True):
            total += self.model(x, y)[1].item() * len(x)
        return total / count


def learn(model: Any, optimizer: Any, windows: torch.Tensor, step: int) -> float:
    """Take a step as nanoGPT's `train.py` does; return its loss."""
    for group in optimizer.param_groups:
        rate = SETTINGS.learning_rate
        group["lr"] = rate * schedule_factor(step, SETTINGS, SETTINGS.max_steps)
    loss: torch.Tensor = model(windows[:, :-1], windows[:, 1:].contiguous())[1]
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS.gradient_clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def build(clone: Path, vocab_size: int) -> tuple[Any, Any]:
    """Build nanoGPT's model and optimizer with the README's settings."""
    module = load(clone)
    sizes = {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": CONTEXT}
    model = module.GPT(
        module.GPTConfig(**sizes, vocab_size=vocab_size, dropout=0.0, bias=False)
    )
    betas = (SETTINGS.beta1, SETTINGS.beta2)
    optimizer = model.configure_optimizers(
        SETTINGS.weight_decay, SETTINGS.learning_rate, betas, "cpu"
    )
    return model, optimizer


def load(clone: Path) -> ModuleType:
    """Import `model.py` of a clone."""
    spec = importlib.util.spec_from_file_location("nanogpt", clone / "model.py")
    if spec is None or spec.loader is None or not (clone / "model.py").is_file():
        raise SystemExit(f"{clone} holds no model.py: clone karpathy/nanoGPT there.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["nanogpt"] = module
    spec.loader.exec_module(module)
    return module


def same_losses(clone: Path, ours: Any, steps: int = 20) -> None:
    """Train nanoGPT and ours from the same weights on the same batches, and compare.

    Args:
        clone: Of nanoGPT.
        ours: The contender that claims to be it; used up by this.
        steps: How many.
    """
    model = ours.trainer.model
    theirs, optimizer = build(clone, model.config.vocab_size)
    count = sum(p.numel() for p in model.parameters())
    assert count == sum(p.numel() for p in theirs.parameters()), "other weights"
    named = {renamed(name): weight for name, weight in theirs.named_parameters()}
    for name, weight in model.named_parameters():
        spreads = [each.std().item() for each in (weight, named[name]) if each.ndim > 1]
        assert not spreads or abs(spreads[0] / spreads[1] - 1) < 0.1, name
    model.load_state_dict(named)
    worst = 0.0
    setup = StepSetup(ours.config, ours.trainer.team)
    for step in range(steps):
        inputs, labels = ours.sampler.batch(step)
        windows = torch.cat([inputs, labels[:, -1:]], dim=1)
        their_loss = learn(theirs, optimizer, windows, step)
        outcome = take_step(model, ours.optimizer, (inputs, labels), step, setup)
        ours.schedule.step()
        worst = max(worst, abs(outcome.loss - their_loss))
    assert worst < AGREE, f"the losses differ by {worst}"
    print(f"{count:,} weights each, drawn alike. {steps} steps from the same ones: the")
    print(f"losses of nanoGPT and ours differ by {worst:.1e} at most.\n", flush=True)


def renamed(name: str) -> str:
    """Return our name of one of nanoGPT's weights."""
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    return name
