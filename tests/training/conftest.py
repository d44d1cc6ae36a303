"""A small model, a little data, and somebody who watches."""

import pytest
import torch

from minigpt.model import create_model
from minigpt.training.callbacks import TrainerCallback

VOCAB, CONTEXT = 30, 12


class Watcher(TrainerCallback):
    """Keeps every record; may ask to stop after a step."""

    reports = True

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.steps, self.evaluations, self.checkpoints, self.results = [], [], [], []

    def on_step(self, record):
        self.steps.append(record)

    def on_evaluation(self, record):
        self.evaluations.append(record)

    def on_checkpoint(self, path, step):
        self.checkpoints.append((path.name, step))

    def should_stop(self):
        return self.stop_after is not None and len(self.steps) >= self.stop_after

    def on_end(self, result):
        self.results.append(result)

    @property
    def losses(self):
        return [record.loss for record in self.steps]


@pytest.fixture
def watcher():
    return Watcher


@pytest.fixture
def new_model():
    """Return a function that builds the same small transformer each time."""

    def build(**changes):
        torch.manual_seed(0)
        sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2}
        sizes |= {"vocab_size": VOCAB, "max_seq_len": CONTEXT, "dropout": 0.1}
        return create_model("transformer", **sizes | changes)

    return build


@pytest.fixture(scope="session")
def pairs():
    """Examples of a language with a rule: each token is the one before, plus one."""
    first = torch.randint(VOCAB, (40, 1), generator=torch.Generator().manual_seed(1))
    rows = (first + torch.arange(CONTEXT + 1)) % VOCAB
    return [(row[:-1], row[1:]) for row in rows]
