"""Intervene's tour: what it says of each ablation is what the hooks give."""

import re

import numpy as np
import torch

PAGE = "pages/intervene/intervene.py"


def without(checkpoint, prompt: str, layer: int, head: int) -> np.ndarray:
    """Return the next token's distribution with one head's z set to zero."""
    model, tokenizer, _ = checkpoint

    def zero(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    tokens = torch.tensor([tokenizer.encode(prompt)])
    with torch.inference_mode():
        logits = model.run_with_hooks(
            tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", zero)]
        )
    return logits[0, -1].softmax(-1).numpy()


def test_every_stop_ablates_something_and_says_what_it_does(walk, checkpoint, view):
    words, cuts = [], []
    for app, stop in walk(PAGE):
        words.append(stop.words)
        cuts.append(list(app.session_state["cut"]))
        prompt = app.text_input(key="prompt").value
        if stop.region == "cut_edge":
            edge = re.fullmatch(r"L(\d+)H(\d+)\[(\d+),(\d+)\] zero", cuts[-1][0])
            assert edge is not None
            assert [app.number_input(key=key).value for key in ("layer", "head")] == [
                int(edge[1]),
                int(edge[2]),
            ]
    assert cuts[0] == cuts[-1] == []
    assert all(len(cut) == 1 for cut in cuts[1:-1])
    model, tokenizer, _ = checkpoint
    with torch.inference_mode():
        logits = model(torch.tensor([tokenizer.encode(prompt)]))[0, -1]
    before = logits.softmax(-1).numpy()
    answer = int(before.argmax())
    assert f"probability {before[answer]:.3f}" in words[0]
    changes = {}
    for layer, head in np.ndindex(model.config.num_layers, model.config.num_heads):
        after = without(checkpoint, prompt, layer, head)
        kl = float((before * np.log(before / after)).sum())
        changes[f"L{layer}H{head} zero"] = kl, after[answer]
    assert cuts[1] == [min(changes, key=changes.__getitem__)]
    assert cuts[2] == [max(changes, key=changes.__getitem__)]
    for (cut,) in cuts[1:3]:
        left = changes[cut][1]
        assert (f"{left:.3f}" if left >= 0.001 else "<0.001") in words[2]
