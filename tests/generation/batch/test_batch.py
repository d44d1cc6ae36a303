"""Texts that are written together: each is what it would be alone."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from minigpt.config import GenerationConfig, TokenizerConfig
from minigpt.errors import CheckpointError, ConfigError, DataError
from minigpt.generation import Generator
from minigpt.generation.batch.batch import Batch
from minigpt.generation.batch.draft import Draft
from minigpt.generation.batch.together import generate_together, write
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

TOKENIZER = build_tokenizer(TokenizerConfig(kind="char"), "the cat sat, on a mat.")
WINDOW = 24
PROMPTS = ["the cat", "", "on a mat the cat sat on", "a", "sat, sat", "mat. the"]
SAMPLING = GenerationConfig(max_new_tokens=26, seed=3, stop_at_eos=False, top_k=7)
GREEDY = SAMPLING.replace(strategy="greedy")
MODELS = [
    {"positional_encoding": "learned"},
    {"positional_encoding": "sinusoidal", "norm": "rmsnorm", "embedding_norm": True},
    {"positional_encoding": "rope", "activation": "swiglu", "num_kv_heads": 2},
    {"positional_encoding": "alibi", "num_kv_heads": 1},
    {"positional_encoding": "relative", "relative_distances": 5, "d_ff": 0},
    {"positional_encoding": "none", "qk_norm": True},
    {"positional_encoding": "rope", "attention_window": [3, 0]},
    {"positional_encoding": "rope", "token_shift": True, "value_embeddings": True},
    {"kind": "mlp", "d_ff": 24},
]


def random_generator(kind="transformer", **settings) -> Generator:
    torch.manual_seed(1)
    sizes = {"vocab_size": TOKENIZER.vocab_size, "d_model": 16, "num_layers": 2}
    if kind == "transformer":
        sizes |= {"num_heads": 4, "max_seq_len": WINDOW, "tie_embeddings": False}
    else:
        sizes |= {"context_size": 4}
    model = create_model(kind, **(sizes | settings)).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.6)
    return Generator(model, TOKENIZER)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return random_generator(positional_encoding="rope")


def same(ours, alone) -> None:
    assert ours.tokens == alone.tokens
    assert ours.log_probs == pytest.approx(alone.log_probs, abs=1e-3)
    names = ("text", "pieces", "stop_reason", "forgot", "seed", "warnings", "full_text")
    for name in names:
        assert getattr(ours, name) == getattr(alone, name), name


@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_every_text_of_a_mixed_batch_is_the_text_alone(settings):
    generator = random_generator(**settings)
    wanted = [(text, config) for config in (GREEDY, SAMPLING) for text in PROMPTS[:3]]
    drafts = [
        Draft(generator.encode_prompt(text)[0], config, TOKENIZER)
        for text, config in wanted
    ]
    write(Batch(generator.model, max_texts=4), drafts)
    for draft, (prompt, config) in zip(drafts, wanted, strict=True):
        same(draft.result(prompt), generator.generate(prompt, config))
        pieces = zip(draft.result().pieces, draft.offsets, strict=True)
        assert all(draft.text.startswith(*one) for one in pieces if one[0][0] != "<")
    is_small = generator.model.config.max_seq_len == WINDOW
    assert any(draft.forgot for draft in drafts) == is_small
    greedy = {choice.token for draft in drafts[:3] for choice in draft.choices}
    assert len(greedy) > 3


@pytest.mark.parametrize("stop", [["t"], ["at", "on a"], ["\0"]])
def test_stop_texts_end_each_text_where_they_end_it_alone(generator, stop):
    together = generate_together(generator, PROMPTS, SAMPLING, stop=stop)
    for prompt, [ours] in zip(PROMPTS, together, strict=True):
        same(ours, generator.generate(prompt, SAMPLING, stop=stop))
        assert not any(word in ours.text for word in stop)


def test_each_sample_is_what_its_seed_gives_alone(generator):
    for row, prompt in zip(
        generate_together(generator, PROMPTS[:2], SAMPLING, samples=3),
        PROMPTS,
        strict=False,
    ):
        assert [each.seed for each in row] == [3, 4, 5]
        for ours in row:
            same(ours, generator.generate(prompt, SAMPLING.replace(seed=ours.seed)))
    seeds = generate_together(generator, ["a"], SAMPLING.replace(seed=None), samples=4)
    assert len({each.seed for each in seeds[0]}) == 4


def test_texts_of_different_settings_do_not_disturb_each_other(generator):
    settings = [
        GREEDY,
        SAMPLING,
        SAMPLING.replace(seed=9, temperature=1.7, top_k=None, top_p=0.9),
        SAMPLING.replace(seed=9, repetition_penalty=1.8),
        SAMPLING.replace(repetition_penalty=1.8, min_p=0.1),
        SAMPLING.replace(temperature=0.0, no_repeat_ngram=1),
    ]
    batch = Batch(generator.model)
    drafts = []
    for prompt, config in zip(PROMPTS, settings, strict=True):
        tokens, _ = generator.encode_prompt(prompt)
        drafts.append(Draft(tokens, config, TOKENIZER))
        batch.join(drafts[-1])  # one more at each step
        batch.step()
        if len(drafts) == 4:
            batch.leave(drafts[1])
    while batch.drafts:
        batch.step()
    assert [each.is_done for each in drafts] == [True, False, True, True, True, True]
    for draft, prompt, config in zip(drafts, PROMPTS, settings, strict=True):
        alone = generator.generate(prompt, config)
        written = len(draft.choices)
        assert draft.result().tokens == alone.tokens[:written]
        assert written == (26 if draft.is_done else 3)


def test_the_likeliest_tokens_are_the_models_own(generator):
    tokens, _ = generator.encode_prompt("the cat")
    asked = [Draft(tokens, SAMPLING, TOKENIZER, num_likeliest=n) for n in (0, 3, 99)]
    batch = Batch(generator.model)
    for draft in asked:
        batch.join(draft)
    batch.step()
    with torch.inference_mode():
        own = generator.model(torch.tensor([tokens]))[0, -1].log_softmax(-1)
    for draft, count in zip(asked, (0, 3, TOKENIZER.vocab_size), strict=True):
        [choice] = draft.choices
        assert choice.log_prob == pytest.approx(float(own[choice.token]), abs=1e-4)
        expected = own.topk(count)
        assert [token for token, _ in choice.likeliest] == expected.indices.tolist()
        values = [value for _, value in choice.likeliest]
        assert values == pytest.approx(expected.values.tolist(), abs=1e-4)


def test_hooks_change_their_own_text_only(generator):
    tokens, _ = generator.encode_prompt("the cat")
    silence = [("blocks.0.hook_attn_out", lambda value, hook: torch.zeros_like(value))]
    changed = Draft(tokens, GREEDY, TOKENIZER, hooks=silence)
    plain = Draft(tokens, GREEDY, TOKENIZER)
    batch = Batch(generator.model)
    for draft in (changed, plain):
        batch.join(draft)
    while batch.drafts:
        batch.step()
    same(plain.result("the cat"), generator.generate("the cat", GREEDY))
    with generator.model.hooks(silence):
        expected = generator.generate("the cat", GREEDY)
        watched = generate_together(generator, ["the cat"], GREEDY)[0][0]
    same(changed.result("the cat"), expected)
    same(watched, expected)
    assert expected.tokens != plain.result().tokens


def test_a_text_that_goes_wrong_takes_no_other_with_it(generator):
    tokens, _ = generator.encode_prompt("the cat")
    spoil = [("hook_embed", lambda value, hook: value * torch.nan)]
    bad = Draft(tokens, GREEDY, TOKENIZER, hooks=spoil)
    good = Draft(tokens, GREEDY, TOKENIZER)
    batch = Batch(generator.model)
    for draft in (bad, good):
        batch.join(draft)
    outcome = batch.step()
    assert outcome[good] is None
    assert isinstance(outcome[bad], CheckpointError)
    assert batch.drafts == [good]


def test_what_is_shown_of_a_growing_text_is_never_taken_back(generator):
    tokens, _ = generator.encode_prompt("the cat")
    batch = Batch(generator.model)
    draft = Draft(tokens, SAMPLING, TOKENIZER, stop=["zzz", "a\0"])
    batch.join(draft)
    shown = [""]
    while batch.drafts:
        batch.step()
        shown.append(draft.text)
    for before, after in pairwise(shown):
        assert after.startswith(before)
    assert not any(text.endswith("a") for text in shown[:-1])
    assert shown[-1] == generator.generate("the cat", SAMPLING).text


def test_misuse_is_one_line(generator):
    full = Batch(generator.model, max_texts=1)
    full.join(Draft([5], GREEDY, TOKENIZER))
    with pytest.raises(DataError, match="let one end"):
        full.join(Draft([5], GREEDY, TOKENIZER))
    for tokens in ([], [5] * (WINDOW + 1)):
        with pytest.raises(DataError, match=f"{len(tokens)} tokens long"):
            Batch(generator.model).join(Draft(tokens, GREEDY, TOKENIZER))
    with pytest.raises(ConfigError, match="Beam search"):
        Draft([5], GREEDY.replace(strategy="beam"), TOKENIZER)
