"""A lesson's tour, stop by stop: what is lit is there, moves, and is said in numbers.

How it looks and which keys move it is in tests/browser/tours/test_tour_in_browser.py.
"""

import copy
import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from lessons.test_covered import PARTS, PROMPTS, opened
from torch.nn.functional import cosine_similarity, cross_entropy

from minigpt.checkpoint import Checkpoint, load_checkpoint
from pages.frame.controls.tour import Stop
from pages.frame.words import quoted

LESSONS = ("embeddings", "learning", "head_explorer", "logit_lens")
MODELS = ("tales", "glass")


@pytest.fixture(scope="module")
def walked(twins):
    """Return a function that takes a lesson's tour and returns its stops, once each."""

    @cache
    def walk(lesson: str, model: str) -> list[tuple[Stop, set[str], str]]:
        return walk_through(twins[0], lesson, model)

    return walk


def start(data: Path, lesson: str, model: str) -> Any:
    app = opened(data, lesson, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_DATA", str(data))
        app.button(key="take_tour").click().run()
    assert not app.exception
    return app


def walk_through(
    data: Path, lesson: str, model: str
) -> list[tuple[Stop, set[str], str]]:
    """Return every stop, with the keys on the page and all that was sent there."""
    app, seen = start(data, lesson, model), []
    for number, stop in enumerate(app.session_state["_tour"].stops):
        tour = app.session_state["_tour"]
        tour.at, tour.due = number, 2  # as after a press of a key
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MINIGPT_DATA", str(data))
            app.run()
        assert not app.exception
        assert not app.error, (number, app.error)
        kept = {key: app.session_state[key] for key in stop.set}
        assert kept == stop.set, f"stop {number} is not where it says"
        keys, sent = set(), []
        look(app.main, keys, sent)
        seen.append((stop, keys, "\n".join(sent)))
    return seen


def look(node: Any, keys: set[str], sent: list[str]) -> None:
    """Gather the keys below a node, and what was sent, but for the tour's own card."""
    for child in getattr(node, "children", {}).values():
        key = getattr(child, "key", None)
        if key == "tour":
            continue
        keys.add(key)
        if not hasattr(child, "children") and not isinstance(child.proto, str):
            sent.append(f"{child.type} {child.proto}")
        look(child, keys, sent)


@pytest.mark.parametrize(
    ("lesson", "model"), [*product(LESSONS, MODELS), *PARTS.items()]
)
def test_every_stop_lights_what_is_there_and_moves_it(lesson, model, walked):
    stops = walked(lesson, model)
    assert 6 <= len(stops) <= 10
    for number, (stop, keys, _) in enumerate(stops):
        assert stop.region in keys, f"stop {number} lights nothing"
        assert stop.set, f"stop {number} moves nothing"
    pages = [page for _, _, page in stops]
    still = [n for n in range(1, len(pages)) if pages[n] == pages[n - 1]]
    assert not still, f"nothing moves at {still}"


@pytest.mark.parametrize("lesson", [*LESSONS, *PARTS])
def test_its_numbers_come_from_the_weights(lesson, twins, walked):
    model = PARTS.get(lesson, "glass")
    own = [stop.words for stop, _, _ in walked(lesson, model)]
    other = start(twins[1], lesson, model).session_state["_tour"].stops
    with_decimals = {words for words in own if re.search(r"\d\.\d", words)}
    assert len(with_decimals) >= 4
    assert not with_decimals & {stop.words for stop in other}


@pytest.mark.parametrize("model", MODELS)
def test_embeddings_cosines_are_those_of_the_table(model, twins, walked):
    checkpoint, tokens = at(twins[0], model)
    size, table = checkpoint.tokenizer.vocab_size, None
    for stop, _, _ in walked("embeddings", model)[1:3]:
        which = stop.set.get("embedding_table", table)
        table = which
        token = tokens[stop.set["token"]]
        vectors = rows(checkpoint, which)[:size]
        cosines = cosine_similarity(vectors[token][None], vectors)
        cosines[token] = -2
        best = float(cosines.max())
        assert f"{best:.2f}" in stop.words
        # Names lie so near to each other that rounding decides which is nearest.
        nearest = (cosines > best - 1e-4).nonzero()[:, 0].tolist()
        pieces = checkpoint.tokenizer.pieces(nearest)
        assert any(quoted(piece) in stop.words for piece in pieces)


@pytest.mark.parametrize("model", MODELS)
def test_learning_takes_the_steps_that_torch_takes(model, twins, walked):
    checkpoint, tokens = at(twins[0], model)
    stops = [stop for stop, _, _ in walked("learning", model)]
    own = copy.deepcopy(checkpoint.model).requires_grad_(True)
    rate = stops[5].set["rate"]
    optimizer = torch.optim.SGD(own.parameters(), lr=rate)
    ids, losses = torch.tensor([tokens]), []
    for taken in range(11):
        each = cross_entropy(own(ids)[0, :-1], ids[0, 1:], reduction="none")
        losses.append(float(each.mean()))
        optimizer.zero_grad()
        each.mean().backward()
        if taken == 0:
            assert f"{float(each.max()):.2f} nats" in stops[1].words
            row, column = map(
                int, re.findall(r"row (\d+), column (\d+)", stops[6].words)[0]
            )
            (matrix, _, _), _ = stops[6].set["_weight_cell"]
            row, column = row + matrix.rows[0], column + matrix.columns[0]
            weight = own.get_parameter(matrix.parameter)
            after = float(weight[row, column] - rate * weight.grad[row, column])
            said = re.search(r"which is ([−\d.e-]+)\. ", stops[6].words)[1]
            assert float(said.replace("−", "-")) == pytest.approx(after, rel=1e-3)
        optimizer.step()
    assert f"from {losses[0]:.2f} to {losses[10]:.2f}, on this one" in stops[9].words


@pytest.mark.parametrize("model", MODELS)
def test_the_weights_said_of_a_head_are_its_weights(model, twins, walked):
    checkpoint, tokens = at(twins[0], model)
    stops = [stop for stop, _, _ in walked("head_explorer", model)]
    layer, head, token = (stops[1].set[key] for key in ("layer", "head", "token"))
    hook = f"blocks.{layer}.attn.hook_pattern"
    _, cache = checkpoint.model.run_with_cache(torch.tensor([tokens]), hook)
    pattern = cache[hook][0, head]
    assert f"{float(pattern[token, token - 1]):.3f}" in stops[1].words
    assert f"{float(pattern.diagonal(-1).mean()):.3f}" in stops[2].words


@pytest.mark.parametrize("model", MODELS)
def test_the_lens_reads_the_stream_where_the_tour_says(model, twins, walked):
    checkpoint, tokens = at(twins[0], model)
    stops = [stop for stop, _, _ in walked("logit_lens", model)]
    model, place = checkpoint.model, stops[0].set["token"]
    logits, cache = model.run_with_cache(
        torch.tensor([tokens]), "blocks.0.hook_resid_pre"
    )
    stream = model.ln_final(cache["blocks.0.hook_resid_pre"])
    first = stream[0, place] @ rows(checkpoint, "unembedding").T
    a, b = logits[0, place].topk(2).indices.tolist()
    spoken = {
        token: quoted(checkpoint.tokenizer.pieces([token])[0])
        for token in (a, b, int(first.argmax()))
    }
    assert f"it is {spoken[int(first.argmax())]}" in stops[0].words
    assert f"own answer is {spoken[a]}" in stops[2].words
    assert f"ends with {float(logits[0, place].softmax(-1)[a]):.3f}" in stops[3].words
    lead = f"{float(logits[0, place, a] - logits[0, place, b]):.2f}"
    assert f"likeliest answer is {spoken[b]}" in stops[5].words
    assert f"the lead is {lead}." in stops[5].words
    assert f"together make {lead}." in stops[6].words


def rows(checkpoint: Checkpoint, which: str) -> torch.Tensor:
    """Return a table's rows; with tied weights, both tables are one."""
    model = checkpoint.model
    if which == "embedding" or model.ties_embeddings:
        return model.token_embedding.weight
    return model.head.weight


def at(data: Path, model: str) -> tuple[Checkpoint, list[int]]:
    """Return a model, and the prompt that its lessons are opened with."""
    checkpoint = load_checkpoint(data / "models" / model)
    return checkpoint, checkpoint.tokenizer.encode(PROMPTS[model])
