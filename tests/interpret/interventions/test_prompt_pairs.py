"""Pairs of prompts that are made of a model's own text."""

import torch

from minigpt.config import TokenizerConfig
from minigpt.interpret.effects import compare_logits
from minigpt.interpret.interventions.prompt_pairs import swapped_pairs
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

TEXTS = ("the red kite", "a blue drums", "one old coat")


def test_a_swapped_pair_differs_in_the_one_token_that_moves_the_prediction_most():
    torch.manual_seed(0)
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), "".join(TEXTS))
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=2,
        num_heads=2,
        max_seq_len=16,
    ).eval()
    texts = [tokenizer.encode(text) for text in TEXTS]
    pairs = swapped_pairs(model, tokenizer, texts, each=1)
    assert [pair.clean for pair in pairs] == list(TEXTS[:-1])
    for pair, text, other in zip(pairs, texts, texts[1:], strict=False):
        corrupted = tokenizer.encode(pair.corrupted)
        (place,) = (n for n, token in enumerate(text) if corrupted[n] != token)
        assert corrupted[place] == other[place]
        moved = {}
        for n in range(1, len(text) - 1):
            swapped = [*text[:n], other[n], *text[n + 1 :]]
            with torch.inference_mode():
                logits = model(torch.tensor([text, swapped]))[:, -1]
            moved[n] = compare_logits(*logits).kl
        assert place == max(moved, key=moved.__getitem__)
