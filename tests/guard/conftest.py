"""The app in this process, opened at a place that a seed chose."""

import random
import runpy
import shutil
from pathlib import Path

import navigation
import pytest
from guard.models import make_models
from guard.runs import make_runs, make_tuning
from guard.seen import Seen
from guard.views import VIEWS, View
from streamlit.testing.v1 import AppTest

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.library.catalogue import find_model
from minigpt.model import TransformerLM

ROOT = Path(__file__).parents[2]
PROMPTS = (
    "Mia had a red kite. Mia had",
    "the cat saw a dog and the cat",
    "One day Tom gave Ana a drum",
    "She was sad. He was sad too",
)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory) -> Path:
    """Return a data directory with models in which no two numbers are alike."""
    return make_models(tmp_path_factory.mktemp("guarded"))


@pytest.fixture(scope="session")
def talkers(tmp_path_factory) -> Path:
    """Return a data directory with a base `plain` and `talker`, tuned to answer."""
    make = runpy.run_path(str(ROOT / "tests/pages/make_chat_models.py"))
    return make["make_chat_models"](tmp_path_factory.mktemp("talkers"))


@pytest.fixture(scope="session")
def runs(guarded, tmp_path_factory) -> Path:
    """Return a data directory with runs, and the models beside them."""
    data = tmp_path_factory.mktemp("runs")
    shutil.copytree(guarded / "models", data / "models")
    return make_runs(data)


@pytest.fixture(scope="session")
def tuned(tmp_path_factory) -> Path:
    """Return a data directory with a base, and what was tuned from it."""
    return make_tuning(tmp_path_factory.mktemp("tuned"))


@pytest.fixture(scope="session")
def told(guarded, tmp_path_factory) -> Path:
    """Return a data directory with a model `told` that names the text it learned."""
    data = tmp_path_factory.mktemp("told")
    model, tokenizer, metadata = load_checkpoint(guarded / "models/alibi")
    record = {**metadata.provenance, "data": {"source": "tales"}}
    path = data / "models/told"
    save_checkpoint(path, model, tokenizer, step=metadata.step, provenance=record)
    return data


def place_in(model, tokens: list[int], dice: random.Random) -> tuple[int, int, int]:
    """Choose a layer, a head and a token, never the first of all three."""
    if not isinstance(model, TransformerLM):
        return 0, 0, dice.randrange(6, len(tokens) - 1)
    layer = dice.randrange(model.config.num_layers)
    head = dice.randrange(min(1, model.config.num_heads - 1), model.config.num_heads)
    return layer, head, dice.randrange(6, len(tokens) - 1)


def open_view(name: str, view: View, chosen: str, data: Path) -> Seen:
    """Open a page at a place that the view's name and model decide."""
    dice = random.Random(f"{name} {chosen}")
    prompt = dice.choice(PROMPTS)
    path = find_model(data, chosen or "relative").path
    checkpoint = load_checkpoint(path)
    tokens = checkpoint.tokenizer.encode(prompt)
    layer, head, token = place_in(checkpoint.model, tokens, dice)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    seen = Seen(view.lesson, app, data, path, checkpoint, tokens, layer, head, token)
    place = {"layer": str(layer), "head": str(head), "token": str(token)}
    for key, value in {
        "model": chosen or "relative",
        "prompt": prompt,
        **place,
        **view.query,
    }.items():
        app.query_params[key] = value
    if view.before is not None:
        for key, value in view.before(seen).items():
            app.session_state[key] = value
    page = next(page for page in navigation.PAGES if page.name == view.lesson)
    if page != navigation.HOME:
        app.switch_page(page.path)
    app.run()
    if view.after is not None:
        view.after(seen)
    return seen


CASES = [(name, model) for name, view in VIEWS.items() for model in view.models]


NAMES = [f"{name}-{model}".replace(" ", "_") for name, model in CASES]


@pytest.fixture(scope="module", params=CASES, ids=NAMES)
def case(request):
    """Return one view of one page, opened, with its name."""
    name, model = request.param
    view = VIEWS[name]
    data = request.getfixturevalue(view.data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_DATA", str(data))
        patch.syspath_prepend(str(ROOT))
        yield view, open_view(name, view, model, data)
