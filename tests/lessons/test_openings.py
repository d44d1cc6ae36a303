"""Every lesson opens where its point can be felt: the effect is at least its bar."""

from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets.tales.questions import LISTENERS
from minigpt.datasets.tales.words import BOYS, COLOURS, GIRLS, PLACES, THINGS
from minigpt.generation import beam_search
from minigpt.generation.beam.paths import greedy_text
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.differences.comparison import compare_text
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.learning.steps import LearningRule, losses_by_rate
from minigpt.interpret.openings.attention import attention_opening
from minigpt.interpret.openings.beam_search import beam_opening
from minigpt.interpret.openings.block import block_opening
from minigpt.interpret.openings.compare import compare_opening
from minigpt.interpret.openings.embeddings import embedding_opening
from minigpt.interpret.openings.generation import generation_opening
from minigpt.interpret.openings.head_explorer import head_explorer_opening
from minigpt.interpret.openings.home import home_opening
from minigpt.interpret.openings.intervene import intervene_opening
from minigpt.interpret.openings.logit_lens import logit_lens_opening
from minigpt.interpret.positions.embedding_space import nearest, token_table
from minigpt.interpret.stream.block_view import block_view, length
from minigpt.library.catalogue import find_model

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module", params=["tales", "glass", "induction"])
def checkpoint(request):
    return load_checkpoint(find_model(DATA, request.param).path)


def test_one_step_teaches_much_and_ten_times_as_much_of_it_less(checkpoint):
    """How a weight learns: the default prompt, at the step size it begins with."""
    tokens = checkpoint.tokenizer.encode("Once upon a time there was a")
    rates = [10.0 ** (power / 2) for power in range(-8, 5)]
    found = losses_by_rate(checkpoint.model, tokens, LearningRule("SGD", 1e-4), rates)
    assert found.before - found.after(found.best) >= 0.5
    assert found.after(found.times(found.best, 10)) > found.after(found.best) + 0.5


def test_attention_opens_on_an_average_that_the_root_keeps_one(checkpoint):
    found = attention_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    place = (found.layer, found.head, found.token)
    edited = edit_head(checkpoint.model, tokens, *place, HeadEdit(divisor=1))
    assert found.effects["kl"] == pytest.approx(edited.here.kl, rel=1e-3)
    steps = attention_steps(checkpoint.model, tokens, *place)
    growth = edited.pattern.max() - steps.pattern.max()
    assert found.effects["growth"] == pytest.approx(growth, rel=1e-3)
    assert found.effects["entropy"] >= 0.5
    assert found.effects["growth"] >= 0.3
    assert found.effects["kl"] >= 0.3
    assert found.effects["hidden"] >= 3


KINDS = ({*GIRLS, *BOYS}, set(THINGS), set(PLACES), set(COLOURS), set(LISTENERS))
"""What the world of tales is made of. The search itself knows nothing of it."""


def test_embeddings_open_at_a_token_among_its_kind(checkpoint):
    model, tokenizer, metadata = checkpoint
    found = embedding_opening(checkpoint)
    if metadata.provenance.get("data", {}).get("source") == "repeats":
        # Words drawn at random: none is like another, and the page says so.
        assert found.effects["gap"] < 0
        return
    assert found.effects["gap"] >= 0.1
    token = tokenizer.encode(found.prompt)[found.token]
    table = token_table(model, found.table)[: tokenizer.vocab_size]
    near = nearest(table, token, 5).tokens
    words = {piece.strip() for piece in tokenizer.pieces([token, *near])}
    assert any(words <= kind for kind in KINDS), words


def test_home_opens_where_the_last_token_alone_would_not_tell(checkpoint):
    found = home_opening(checkpoint)
    assert found.effects["probability"] >= 0.5
    assert found.effects["gain"] >= 0.3
    assert 5 <= len(checkpoint.tokenizer.encode(found.prompt)) <= 12


def test_block_opens_where_one_part_writes_clearly_more(checkpoint):
    found = block_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    view = block_view(checkpoint.model, tokens, found.layer, found.token)
    lengths = sorted(
        view.head_norms
        if view.mlp_out is None
        else map(length, (view.attn_out, view.mlp_out))
    )
    assert found.effects["ratio"] == pytest.approx(lengths[-1] / lengths[-2], rel=1e-3)
    assert found.effects["ratio"] >= 3
    assert found.head == view.head_norms.argmax()


def test_the_head_explorer_opens_on_a_head_that_does_something_else_elsewhere(
    checkpoint,
):
    found = head_explorer_opening(checkpoint)
    assert found.effects["change"] >= 0.3
    assert found.effects["here"] - found.effects["there"] == pytest.approx(
        found.effects["change"]
    )


def test_the_lens_opens_where_the_answer_overtakes_late_and_by_far(checkpoint):
    found = logit_lens_opening(checkpoint)
    points = 1 + checkpoint.model.config.num_layers * (
        2 if checkpoint.model.config.mlp_width else 1
    )
    assert 2 * found.effects["point"] >= points
    assert found.effects["behind"] >= 2
    assert found.effects["lead"] >= 2


def test_intervene_opens_where_ablating_one_head_is_felt_by_the_answer_and_another(
    checkpoint,
):
    found = intervene_opening(checkpoint)
    assert found.effects["kl"] >= 1
    assert found.other.layer > found.layer
    if checkpoint.metadata.provenance["data"]["source"] == "repeats":
        # The model that copies: its induction head is lost with the head before it.
        assert found.habit == "induction"
        assert found.effects["before"] >= 0.9
        assert found.effects["after"] <= 0.1
    else:
        assert found.effects["drop"] > 0


def test_generation_opens_where_the_temperature_matters(checkpoint):
    found = generation_opening(checkpoint)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    with torch.inference_mode():
        logits = checkpoint.model(torch.tensor([tokens]))[0, -1]
    p = logits.softmax(-1)
    assert found.effects["entropy"] == pytest.approx(-float((p * p.log()).sum()), 1e-3)
    for name, temperature in (("cold", 0.5), ("hot", 2.0)):
        own = float((logits / temperature).softmax(-1).max())
        assert found.effects[name] == pytest.approx(own, rel=1e-3)
    assert found.effects["entropy"] >= 1.0
    assert found.effects["cold"] - found.effects["hot"] >= 0.5
    assert 2 <= found.effects["kept"] < len(p) / 2


def test_beam_search_opens_where_greedys_first_choice_loses(checkpoint):
    config = GenerationConfig(strategy="beam", num_beams=3, max_new_tokens=8)
    found = beam_opening(checkpoint, config)
    tokens = checkpoint.tokenizer.encode(found.prompt)
    arguments = (config, checkpoint.tokenizer.eos_id)
    best = beam_search(checkpoint.model, tokens, *arguments).sequences[0]
    greedy = greedy_text(checkpoint.model, tokens, *arguments)
    assert best.tokens[0] != greedy.tokens[0]
    gain = best.cumulative - greedy.cumulative
    assert found.effects["gain"] == pytest.approx(gain, rel=1e-3)
    assert gain >= 1.0


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
