"""What torch.compile makes of models and of a training, printed as one JSON object.

A script and no test: torch.compile cannot read through the shape checks that the tests
put into every function, so it runs in a process of its own, without them. `aot_eager`
traces and derives as ever, and writes no C++, which takes long: that is done once.
"""

import functools
import json
import shutil
import sys
from pathlib import Path

import torch

from minigpt.checkpoint import read_metadata
from minigpt.config import TrainConfig
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.model import TransformerLM, create_model
from minigpt.training.compilation import compiled
from minigpt.training.loss import language_model_loss
from minigpt.training.optimizer import build_optimizer
from minigpt.training.trainer import Trainer

SIZES = {"vocab_size": 31, "d_model": 16, "num_layers": 2, "num_heads": 2}
LLAMA = {
    "positional_encoding": "rope",
    "norm": "rmsnorm",
    "activation": "swiglu",
    "num_kv_heads": 1,
    "qk_norm": True,
}
VARIANTS = {
    "gpt2": {},
    "default": {
        "positional_encoding": "relative",
        "norm_affine": False,
        "activation": "relu2",
        "tie_embeddings": False,
    },
    "attention only": {"positional_encoding": "alibi", "d_ff": 0},
    "llama": LLAMA,
    "shifted": {"token_shift": True, "value_embeddings": True, "num_layers": 2},
    "normed embedding": {"embedding_norm": True, "norm": "rmsnorm"},
}
CPU = torch.device("cpu")
TOKENS = torch.randint(0, 31, (400,), generator=torch.Generator().manual_seed(0))


def new_model(**settings: object) -> TransformerLM:
    torch.manual_seed(0)
    return TransformerLM(**SIZES | {"max_seq_len": 16} | settings)


def farthest(model: torch.nn.Module) -> float:
    """Compile a model as one graph; return how far its logits are from the model's."""
    tokens = TOKENS[:32].view(2, 16)
    torch.compiler.reset()
    whole = torch.compile(model, fullgraph=True, backend="eager")
    return (whole(tokens) - model(tokens)).abs().max().item()


def written() -> float | str | None:
    """Compile one block to C++; return how far its logits are from the model's.

    None without a compiler, and what a compiler says that cannot.
    """
    if not (shutil.which("g++") or shutil.which("clang++")):
        return None
    model = new_model(num_layers=1).eval()
    tokens = TOKENS[:32].view(2, 16)
    torch.compiler.reset()
    try:
        with torch.no_grad():
            fused = compiled(model, TrainConfig(compile="on"), CPU)
            return (fused(tokens) - model(tokens)).abs().max().item()
    except RuntimeError as error:
        return str(error)


def losses(compile_: str, half: bool) -> list[float]:
    """Take five steps as on a GPU: autocast, compiled, AdamW in one kernel."""
    config = TrainConfig(compile=compile_, learning_rate=1e-2)
    batch = TOKENS[:68].view(4, 17)
    model = new_model()
    forward, found = compiled(model, config, CPU), []
    optimizer = build_optimizer(model, config)
    for _ in range(5):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = language_model_loss(forward(batch[:, :-1]), batch[:, 1:])
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def train(compile_: str, place: Path) -> dict[str, object]:
    """Train with the Trainer; return what came of it."""
    model = new_model()
    config = TrainConfig(
        max_steps=4, batch_size=2, compile=compile_, device="cpu", warmup_steps=0
    )
    sampler = WindowSampler(TOKENS, 16, 2, seed=0)
    trainer = Trainer(model, sampler, config=config, output_dir=place / compile_)
    result = trainer.train()
    _, cache = model.run_with_cache(TOKENS[None, :16])
    return {
        "loss": result.loss,
        "weights": {name: w.tolist() for name, w in model.state_dict().items()},
        "computed_with": read_metadata(result.checkpoint).provenance["computed_with"],
        "recorded": list(cache),
    }


def main() -> None:
    window = create_model("mlp", vocab_size=31, d_model=8, d_ff=16)
    found = {  # a second block is traced as the first, unless it differs
        name: farthest(new_model(**{"num_layers": 1} | settings))
        for name, settings in VARIANTS.items()
    }
    found["mlp"] = farthest(window)
    in_cpp = written()
    torch.compile = functools.partial(torch.compile, backend="aot_eager")
    answer = {
        "farthest": found,
        "written": in_cpp,
        "losses": {
            f"{compile_} {half}": losses(compile_, half)
            for compile_, half in (("off", False), ("on", False), ("on", True))
        },
        "training": {way: train(way, Path(sys.argv[1])) for way in ("on", "off")},
    }
    sys.stdout.write("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
