"""Every lesson opens where its point can be felt: the effect is at least its bar."""

from pathlib import Path

import numpy as np
import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.differences.comparison import compare_text
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.openings.attention import attention_opening
from minigpt.interpret.openings.compare import compare_opening
from minigpt.library.catalogue import find_model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    return load_checkpoint(find_model(DATA, request.param).path)


def test_attention_opens_on_an_average_that_the_root_keeps_one(checkpoint):
    found = attention_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    place = (found.layer, found.head, found.token)
    edited = edit_head(checkpoint.model, tokens, *place, HeadEdit(without_scale=True))
    assert found.effects["kl"] == pytest.approx(edited.here.kl, rel=1e-3)
    steps = attention_steps(checkpoint.model, tokens, *place)
    growth = edited.pattern.max() - steps.pattern.max()
    assert found.effects["growth"] == pytest.approx(growth, rel=1e-3)
    assert found.effects["entropy"] >= 0.5
    assert found.effects["growth"] >= 0.3
    assert found.effects["kl"] >= 0.3
    assert found.effects["hidden"] >= 3


@pytest.mark.parametrize(
    ("model", "other", "step"),
    [
        ("tales", "tales-chat", None),
        ("glass", "tales", None),
        ("induction", "induction", 360),
    ],
)
def test_compare_opens_where_the_mean_improves_and_much_gets_worse(model, other, step):
    before = load_checkpoint(find_model(DATA, other).path_at(step))
    after = load_checkpoint(find_model(DATA, model).path)
    windows = held_out_windows(after.metadata, after.tokenizer, 64, 32)
    texts = [after.tokenizer.decode(window) for window in windows[:16]]
    found = compare_opening([after, before], after, texts)
    assert found.before == 1  # with itself, nothing changes
    compared = compare_text(before, after, texts[found.text])
    changes = compared.change[np.isfinite(compared.change)]
    assert found.effects["mean"] == pytest.approx(compared.mean_change)
    assert found.effects["mean"] <= -0.05
    assert found.effects["worst"] == pytest.approx(changes.max())
    assert found.effects["worst"] >= 0.5
    assert found.effects["worse"] == (changes > 0).sum()
    assert found.effects["worse"] / found.effects["compared"] >= 0.3
