"""Where a number comes from, as a page shows it."""

import pytest
import torch
from streamlit.testing.v1 import AppTest

from minigpt.checkpoint import load_checkpoint


def provenance_page() -> None:
    import os
    from pathlib import Path

    from minigpt.checkpoint import load_checkpoint
    from pages.frame import provenance

    path = Path(os.environ["MINIGPT_DATA"]) / "models/glass/checkpoints"
    checkpoint = load_checkpoint(path / "checkpoint_step_100")
    tokens = checkpoint.tokenizer.encode("the cat")
    provenance.show(checkpoint, tokens, "blocks.1.attn.hook_pattern", (0, 1, 5, 3))
    provenance.show(checkpoint, tokens, "logits", (0, 5, 2))


def test_the_line_and_the_working_say_the_tensors_own_number(
    models, monkeypatch, root_on_path
):
    monkeypatch.setenv("MINIGPT_DATA", str(models))
    app = AppTest.from_function(provenance_page, default_timeout=60).run()
    assert not app.exception
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        tokens = torch.tensor([tokenizer.encode("the cat")])
        logits, cache = model.run_with_cache(tokens)
    weight = float(cache["pattern", 1][0, 1, 5, 3])
    line, working, source, logit_line, *_ = (code.value for code in app.code)
    assert line == f"blocks.1.attn.hook_pattern[0, 1, 5, 3] = {weight:.4f}"
    assert working.splitlines()[-1] == f"= {weight:.4f}"
    assert "self.hook_pattern(scores.softmax(dim=-1))  # ← line" in source
    assert logit_line == f"logits[0, 5, 2] = {float(logits[0, 5, 2]):.4f}"
    table = app.dataframe[0].value
    assert list(table.index)[3:6] == ["3 · ←", "4 c", "5 a"]
    assert table["weight"].iloc[3] == pytest.approx(weight, abs=1e-6)
