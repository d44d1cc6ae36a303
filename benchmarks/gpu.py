"""On a GPU: tokens per second, and the time to nanoGPT's published result there.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --text data/texts/tinyshakespeare.txt --seeds 3

nanoGPT's README trains 6 layers, 6 heads, 384 wide, on 64 windows of 256 characters of
Tiny Shakespeare, with AdamW and dropout 0.2, and gives a validation loss of 1.4697.
The same settings here, with all that `auto` chooses on a GPU: bfloat16, fused AdamW,
flash attention, torch.compile. The loss is that of the whole validation split, in
windows that do not overlap; the time counts training steps alone, compiling included.
"""

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from minigpt.config import RunConfig, get_recipe
from minigpt.preparation.preparation import assemble
from minigpt.training.callbacks import EvalRecord, StepRecord, TrainerCallback

TARGET = 1.47
MODEL = {"num_layers": 6, "num_heads": 6, "d_model": 384, "max_seq_len": 256}
TRAIN = {
    "batch_size": 64,
    "max_steps": 5000,
    "learning_rate": 1e-3,
    "min_learning_rate_ratio": 0.1,
    "beta2": 0.99,
    "warmup_steps": 100,
    "eval_interval": 250,
    "eval_batches": None,
    "checkpoint_interval": 5000,
    "precision": "auto",
}


class Watch(TrainerCallback):
    """Notes the pace and the losses, and stops at the target."""

    reports = True

    def __init__(self) -> None:
        self.seconds, self.pace, self.losses = 0.0, 0.0, list[float]()

    def on_step(self, record: StepRecord) -> None:
        """Count the time of a step."""
        self.seconds += record.seconds
        self.pace = record.tokens_per_second

    def on_evaluation(self, record: EvalRecord) -> None:
        """Note a loss."""
        self.losses.append(record.loss)
        print(
            f"  step {record.step:>5}  loss {record.loss:.4f}  {self.seconds:7.1f} s  "
            f"{self.pace:>11,.0f} tokens/s",
            flush=True,
        )

    def should_stop(self) -> bool:
        """Whether the target is reached."""
        return bool(self.losses) and self.losses[-1] <= TARGET


def nanogpts_gpu_run(text: Path, seed: int) -> RunConfig:
    """Return nanoGPT's GPU configuration, as a run of ours."""
    recipe = get_recipe("gpt2")
    model = recipe.transformer.replace(**MODEL, dropout=0.2, bias=False)
    return recipe.replace(
        data=recipe.data.replace(source=str(text)).to_dict(),
        transformer=model.to_dict(),
        train=recipe.train.replace(**TRAIN, seed=seed).to_dict(),
    )


def train(config: RunConfig) -> float | None:
    """Train until the target; return the seconds, None if it is not reached."""
    watch = Watch()
    with TemporaryDirectory() as place:
        trainer = assemble(config, Path(place), None).build_trainer([watch])
        print(f"seed {config.train.seed}:", trainer.keeper.provenance["computed_with"])
        trainer.train()
    return watch.seconds if watch.should_stop() else None


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    text = Path("data/texts/tinyshakespeare.txt")
    parser.add_argument("--text", type=Path, default=text, help="Tiny Shakespeare")
    parser.add_argument("--seeds", type=int, default=1, help="how many runs")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit(
            "This machine has no CUDA GPU, so there is nothing to measure here. The "
            "same settings are tested on the CPU by tests/training/test_compilation.py."
        )
    times = []
    for seed in range(arguments.seeds):
        seconds = train(nanogpts_gpu_run(arguments.text, seed))
        times += [] if seconds is None else [seconds]
    if times:
        print(
            f"loss {TARGET} in {statistics.median(times):.1f} s "
            f"({min(times):.1f} to {max(times):.1f}, {len(times)} runs that reached it)"
        )


if __name__ == "__main__":
    main()
