"""The model of a lesson file, run in node, against the one it was made of."""

import base64
from typing import get_args

import numpy as np
import pytest
import torch
from fuzzed_strings import fuzzed_strings
from model.test_transformer import VARIANTS, small_model

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig, ModelConfig
from minigpt.config.own_model import Activation, Normalization, PositionalEncoding
from minigpt.generation.beam.search import beam_search
from minigpt.generation.generator import Generator
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.stream.journey import journey
from minigpt.interpret.stream.logit_lens import logit_lens
from minigpt.lesson_file.contents import contents
from minigpt.model import TransformerLM
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TEXT = "The cat sat on the mat; the dog's log? don't! Él 日本 x+1\n" * 3
MORE = [
    *VARIANTS,
    {"norm": "rmsnorm", "norm_affine": False, "relative_gain": [1.0, 2.0, 3.0, 4.0]}
    | {"positional_encoding": "relative", "relative_distances": 4},
    {"qk_norm": True, "num_kv_heads": 2, "positional_encoding": "alibi", "d_model": 48},
    {"positional_encoding": "rope", "rope_factor": 4.0},
    {"positional_encoding": "rope", "rope_factor": 8.0, "rope_trained_length": 16}
    | {"rope_slow_turns": 0.5, "rope_fast_turns": 2.0},
    {"embedding_norm": True, "norm": "rmsnorm", "value_embeddings": True}
    | {"positional_encoding": "rope", "qk_norm": True, "rope_base": 500.0},
    {"positional_encoding": "rope", "rope_factor": 3.0, "rope_dim": 4},
    {"positional_encoding": "rope", "rope_factor": 8.0, "rope_trained_length": 20}
    | {"rope_slow_turns": 0.5, "rope_fast_turns": 2.0, "norm_eps": 0.05},
    {"num_heads": 1, "num_layers": 1, "d_ff": 0, "head_dim": 40, "qkv_bias": True}
    | {"bias": False},
]
"""Every option of a model, so that the file's JavaScript computes each."""
OF_TRAINING = {"dropout", "embedding_std"}
SIZES = {"vocab_size", "d_model", "num_layers", "num_heads", "max_seq_len"}


def packed(model: TransformerLM, tokenizer=None) -> dict:
    if tokenizer is None:
        tokenizer = CharTokenizer()
        tokenizer.build_vocab(TEXT)
    made = contents(Checkpoint(model, tokenizer, None))
    return {"settings": made.settings, "weights": made.weights}


def array(answer: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer), dtype="<f4")


def tokens_of(length: int = 13, seed: int = 3) -> list[int]:
    return np.random.default_rng(seed).integers(0, 53, length).tolist()


def difference(ours: np.ndarray, theirs: torch.Tensor) -> float:
    """Return the largest difference, as a share of the largest value."""
    expected = theirs.detach().numpy().ravel()
    finite = np.isfinite(expected)
    assert (np.isfinite(ours) == finite).all()
    gap = np.abs(ours[finite] - expected[finite])
    return float(gap.max() / np.abs(expected[finite]).max())


def test_no_option_of_a_model_is_left_out_here():
    tried = {name for changes in MORE for name in changes}
    assert set(ModelConfig.model_fields) - OF_TRAINING - SIZES <= tried
    for name, kinds in [
        ("positional_encoding", PositionalEncoding),
        ("norm", Normalization),
        ("activation", Activation),
    ]:
        usual = ModelConfig.model_fields[name].default
        assert {changes.get(name, usual) for changes in MORE} == {*get_args(kinds)}


def test_every_hook_of_every_kind_of_model_has_the_values_of_pytorch(node):
    cases = [(small_model(**changes), tokens_of()) for changes in MORE]
    question = {"ask": "hooks", "wanted": ["hook_result"]}
    answers = node([{**packed(m), "tokens": t, **question} for m, t in cases])
    for changes, (model, tokens), answer in zip(MORE, cases, answers, strict=True):
        everything = [*model.hook_points]
        with torch.inference_mode():
            logits, cache = model.run_with_cache(torch.tensor([tokens]), everything)
        assert set(answer["hooks"]) == set(everything), changes
        assert difference(array(answer["logits"]), logits[0]) < 1e-4, changes
        for name, values in cache.items():
            hook = answer["hooks"][name]
            assert hook["shape"] == list(values.shape[1:]), (changes, name)
            assert difference(array(hook["values"]), values[0]) < 1e-4, (changes, name)


def test_a_text_read_in_parts_with_the_cache_gives_the_same_logits(node):
    cases = [(small_model(**changes), tokens_of(9)) for changes in MORE]
    question = {"ask": "inParts", "lengths": [4, 1, 3, 1]}
    answers = node([{**packed(m), "tokens": t, **question} for m, t in cases])
    for changes, (model, tokens), parts in zip(MORE, cases, answers, strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([tokens]))[0]
        joined = np.concatenate([array(part) for part in parts])
        assert difference(joined, logits) < 1e-4, changes


def test_an_ablated_head_changes_the_logits_as_run_with_hooks_does(node):
    def without(head):
        def edit(z, hook):
            return z.index_fill(2, torch.tensor([head]), 0.0)

        return edit

    model, tokens = small_model(num_kv_heads=2), tokens_of()
    places = [(layer, head) for layer in range(2) for head in range(4)]
    question = {**packed(model), "ask": "ablated", "tokens": tokens}
    answers = node([{**question, "layer": ly, "head": h} for ly, h in places])
    with torch.inference_mode():
        whole = model(torch.tensor([tokens]))[0]
        for (layer, head), answer in zip(places, answers, strict=True):
            hooks = [(f"blocks.{layer}.attn.hook_z", without(head))]
            logits = model.run_with_hooks(torch.tensor([tokens]), hooks)[0]
            assert difference(array(answer), logits) < 1e-4
            assert difference(array(answer), whole) > 1e-2


def test_what_the_lessons_show_is_what_the_interpretation_computes(node):
    """The journey's norms, the lens at the last token, one row of one head."""
    kinds = [
        {"positional_encoding": "rope", "num_kv_heads": 2, "qk_norm": True},
        {"positional_encoding": "relative", "norm": "rmsnorm", "tie_embeddings": False},
        {"d_ff": 0, "embedding_norm": True},
        {"positional_encoding": "rope", "rope_dim": 4, "parallel_mlp": True},
        {"num_layers": 8, "d_model": 16},
    ]
    layer, head, query = 1, 3, 7
    cases = [(small_model(**kind), tokens_of(9)) for kind in kinds]
    place = {"layer": layer, "head": head, "query": query}
    answers = node(
        [{**packed(m), "ask": "lessons", "tokens": t, **place} for m, t in cases]
    )
    for (model, tokens), answer in zip(cases, answers, strict=True):
        for ours, theirs in zip(
            answer["stages"], journey(model, tokens).stages, strict=True
        ):
            assert (ours["kind"], ours["layers"]) == (theirs.kind, list(theirs.layers))
            names = (theirs.added_name, theirs.stream_name)
            assert (ours["addedName"], ours["streamName"]) == names
            np.testing.assert_allclose(ours["added"], theirs.added, rtol=1e-4)
            np.testing.assert_allclose(ours["stream"], theirs.stream, rtol=1e-4)
            if theirs.attention is not None:
                strong = np.argwhere(theirs.attention >= 0.05)
                assert [[q, k] for q, k, _ in ours["reads"]] == strong.tolist()
        lens = logit_lens(model, tokens)
        found = array(answer["lens"]).reshape(-1, len(tokens), 53)
        rows = [0, *(i for i, p in enumerate(lens.points) if p.hook.endswith("_post"))]
        expected = lens.top_probabilities[rows]
        top = np.take_along_axis(found, lens.top_tokens[rows].astype(int), axis=-1)
        np.testing.assert_allclose(top, expected, atol=1e-5)
        steps = attention_steps(model, tokens, layer, head, query)
        wanted = vars(steps) | {"x": steps.x[query], "row": steps.projection.row}
        wanted |= {"plainQ": steps.plain_q, "plainK": steps.plain_k}
        assert len(answer["steps"]) >= 9
        for name, values in answer["steps"].items():
            assert difference(array(values), torch.tensor(wanted[name])) < 1e-4, name


@pytest.mark.parametrize(
    "tokenizer",
    [CharTokenizer(), WordTokenizer(), BPETokenizer(400)],
    ids=lambda tokenizer: tokenizer.kind,
)
def test_ids_pieces_and_texts_are_pythons(node, tokenizer):
    texts = fuzzed_strings(2000, seed=7)
    tokenizer.build_vocab([TEXT, *texts[:200]])
    settings = {"tokenizer": tokenizer.to_dict()}
    (answers,) = node([{"settings": settings, "ask": "encoded", "texts": texts}])
    for text, answer in zip(texts, answers, strict=True):
        ids = tokenizer.encode(text)
        assert answer["ids"] == ids, text
        assert answer["text"] == tokenizer.decode(ids), text
        assert answer["pieces"] == tokenizer.pieces(ids), text


@pytest.mark.parametrize(
    ("width", "steps", "eos"), [(1, 4, 3), (3, 6, 3), (4, 5, None)]
)
def test_a_beam_search_considers_and_returns_what_pythons_does(node, width, steps, eos):
    model, tokens = small_model(), tokens_of(6)
    if eos is not None:  # so that texts end on the way
        with torch.no_grad():
            model.token_embedding.weight[eos] *= 2
    options = {"width": width, "steps": steps, "eos": eos}
    question = {"ask": "searched", "tokens": tokens, "options": options}
    (answer,) = node([{**packed(model), **question}])
    config = GenerationConfig(strategy="beam", num_beams=width, max_new_tokens=steps)
    expected = beam_search(model, tokens, config, eos)
    assert answer["returned"] == expected.returned
    for ours, theirs in zip(answer["nodes"], expected.candidates, strict=True):
        for name in ("parent", "step", "rank", "token", "status", "reason", "returned"):
            assert ours[name] == getattr(theirs, name), name
        assert ours["logProb"] == pytest.approx(theirs.log_prob, abs=1e-4)
        assert ours["cumulative"] == pytest.approx(theirs.cumulative, abs=1e-4)
        assert ours["score"] == pytest.approx(theirs.score, abs=1e-4)
    if eos is not None:
        assert any("end-of-text" in each.reason for each in expected.candidates)


def test_a_beam_search_fits_a_model_that_reads_only_a_few_tokens(node):
    model = small_model(max_seq_len=4)
    question = {**packed(model), "ask": "searchedAsShown", "width": 2}
    asked = [{**question, "tokens": tokens_of(4), "steps": n} for n in (1, 3, 4)]
    assert node(asked) == [2, 2, 2]


SETTINGS = {
    "greedy": ({}, {"strategy": "greedy"}),
    "drawn": ({"seed": 5}, {"seed": 5}),
    "cold": ({"seed": 1, "temperature": 0.7}, {"seed": 1, "temperature": 0.7}),
    "filtered": (
        {"seed": 2**31, "temperature": 1.3, "topK": 20, "topP": 0.8},
        {"seed": 2**31, "temperature": 1.3, "top_k": 20, "top_p": 0.8},
    ),
}


def test_texts_are_pythons_token_by_token_with_the_same_seed(node):
    """They grow past the model's window, so that its beginning is forgotten."""
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT)
    model = small_model(vocab_size=tokenizer.vocab_size, tie_embeddings=False)
    prompt = tokenizer.encode("The dog's")
    question = {"ask": "continued", "tokens": prompt, "count": 40}
    packed_model = packed(model, tokenizer)
    answers = node(
        [{**packed_model, **question, "options": s} for s, _ in SETTINGS.values()]
    )
    writer = Generator(model, tokenizer, device="cpu")
    for (_, settings), answer in zip(SETTINGS.values(), answers, strict=True):
        defaults = {"strategy": "sampling", "temperature": 1.0, "top_k": None}
        config = GenerationConfig(
            **(defaults | settings), max_new_tokens=40, stop_at_eos=False
        )
        assert answer == writer.generate("The dog's", config).tokens
    assert len({str(answer) for answer in answers}) == len(answers)
