"""Each lesson on the models that ship, and on twins that differ in their weights."""

import shutil
from pathlib import Path

import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "models"


@pytest.fixture(scope="session")
def twins(tmp_path_factory) -> tuple[Path, Path]:
    """Return two data directories with the same models, of which one was reinitialised.

    Names, sizes, tokenizers and provenance are the same: what a page sends of one and
    not of the other, it computed from the weights.
    """
    own, other = (tmp_path_factory.mktemp(name) for name in ("own", "other"))
    for name in ("glass", "tales", "induction"):
        shutil.copytree(SHIPPED / name, own / "models" / name)
        shutil.copytree(SHIPPED / name, other / "models" / name)
    torch.manual_seed(7)
    for path in sorted((other / "models").rglob("model.safetensors")):
        reinitialise(path.parent)
    return own, other


def reinitialise(path: Path) -> None:
    """Replace every weight of a checkpoint by a random one of the same size."""
    model, tokenizer, metadata = load_checkpoint(path)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, max(float(weight.std()), 0.02))
    # Beside it first: saving replaces the whole directory, with the film in it.
    new = path.with_name(f"{path.name}-new")
    save_checkpoint(
        new, model, tokenizer, step=metadata.step, provenance=metadata.provenance
    )
    for file in new.iterdir():
        file.replace(path / file.name)
    new.rmdir()
