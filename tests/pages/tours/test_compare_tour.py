"""Compare's tour: best, worst and how many are what the two models' losses say."""

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.library.catalogue import find_model
from viz.tokens import display_piece

PAGE = "pages/compare/compare.py"


@pytest.fixture
def model() -> str:
    """Return the one that has steps: glass and induction share no tokenizer."""
    return "induction"


def losses(checkpoint, tokens: list[int]) -> np.ndarray:
    """Return −ln p of every token but the first."""
    with torch.inference_mode():
        log_probs = checkpoint.model(torch.tensor([tokens]))[0].log_softmax(-1)
    return np.array([-float(log_probs[i, t]) for i, t in enumerate(tokens[1:])])


@pytest.mark.parametrize("step", [400, 240])
def test_it_opens_best_and_worst_and_counts_what_got_worse(step, walk, shipped, view):
    opened, against, words, texts = [], [], [], []
    for app, stop in walk(PAGE, step=str(step)):
        words.append(stop.words)
        opened.append(app.session_state["piece"])
        against.append(app.session_state["against_step"])
        texts.append(view(app, "tinted_text"))
    entry = find_model(shipped, "induction")
    after = load_checkpoint(entry.path_at(step))
    first, other = (load_checkpoint(entry.path_at(each)) for each in against[2:4])
    ids = {display_piece(after.tokenizer.piece(n)): n for n in range(132)}
    tokens = [ids[piece] for piece in texts[0]["pieces"]]
    now = losses(after, tokens)
    change = now - losses(first, tokens)
    best, worst = int(change.argmin()), int(change.argmax())
    assert opened[1:3] == [best + 1, worst + 1]
    p = np.exp(-now[best])
    assert (f"{p:.3f}" if p >= 0.001 else "<0.001") in words[1]
    assert f"{now[best]:.2f} nats" in words[1]
    assert f"{abs(change.mean()):.3f} nats per token" in words[2]
    assert f"on {(change > 0).sum()} of {len(change)} tokens" in words[2]
    change = now - losses(other, tokens)
    assert against[2] != against[3]
    assert f"{abs(change.mean()):.3f} nats per token" in words[3]
    assert f"on {(change > 0).sum()} of {len(change)}" in words[3]
