"""Beam search's tour: its sums are the model's, and its words fit what is found."""

import torch

PAGE = "pages/beam_search/beam_search.py"


def sum_of(checkpoint, prompt: str, written: list[int]) -> float:
    """Return ln p of a text after a prompt, straight from the logits."""
    model, tokenizer, _ = checkpoint
    read = [*tokenizer.encode(prompt), *written]
    with torch.inference_mode():
        log_probs = model(torch.tensor([read]))[0].log_softmax(-1)
    before = len(read) - len(written) - 1
    return sum(float(log_probs[before + i, token]) for i, token in enumerate(written))


def likeliest_tokens(checkpoint, prompt: str, count: int) -> list[int]:
    """Return what always taking the likeliest token writes."""
    model, tokenizer, _ = checkpoint
    read = tokenizer.encode(prompt)
    written = []
    for _ in range(count):
        with torch.inference_mode():
            logits = model(torch.tensor([[*read, *written]]))[0, -1]
        written.append(int(logits.argmax()))
    return written


def test_the_tree_grows_and_every_sum_is_the_models(walk, checkpoint, view):
    words, trees = [], []
    for app, stop in walk(PAGE):
        words.append(stop.words)
        trees.append((app.number_input(key="width").value, view(app, "beam_tree")))
        prompt = app.text_input(key="prompt").value
    assert [width for width, _ in trees[:7]] == [1, 1, 3, 3, 3, 3, 8]
    assert trees[0][1]["step"] < trees[1][1]["step"]
    assert trees[2][1]["step"] < trees[3][1]["step"] < trees[4][1]["step"]
    assert trees[7][1]["lengthPenalty"] == "0"
    assert trees[8][1]["lengthPenalty"] == "1"
    greedy = likeliest_tokens(checkpoint, prompt, 8)
    total = f"−{-sum_of(checkpoint, prompt, greedy):.2f}"
    assert f"{total} nats" in words[1]
    assert checkpoint.tokenizer.decode(greedy).strip(" ") in words[1]
    tree = trees[5][1]
    best = tree["nodes"][tree["paths"]["best"][-1]]
    assert best["sum"] in words[5]
    assert best["sum"] != total, "the page opens where greedy loses"
