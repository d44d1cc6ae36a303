"""Before a prediction is made, nothing that answers it is in what the server sends.

Each lesson is opened at one place of two models that differ in their weights alone. All
that was sent must be the same, the question itself excepted; so none of it can tell
what the weights would answer.
"""

import shutil
from itertools import product
from pathlib import Path
from typing import Any

import navigation
import pytest
from streamlit.testing.v1 import AppTest

from minigpt.checkpoint import load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[2]

PLACE = {"layer": "1", "head": "1", "token": "6"}
PROMPTS = {
    "glass": "One day Ada gave the drum to Finn . Finn was",
    "tales": "One day Tom gave the red kite to Mia. Mia",
    "induction": "Mia met Tom . the sun was up . then Mia",
}
COVERED = (
    "attention",
    "learning",
    "embeddings",
    "block",
    "head_explorer",
    "logit_lens",
    "intervene",
    "generation",
    "beam_search",
    "compare",
)
"""Lessons whose answer comes from the weights of the chosen model."""
PARTS = {
    "intervene Steer": "glass",
    "intervene Paths": "glass",
    "intervene Neurons": "glass",
    "intervene Circuit": "glass",
    "intervene Many prompts": "tales",
}
"""Parts of one, with a model of which something is asked with either weights."""
EXCHANGED = ("Ada gave the drum", "Ada gave the kite")
"""A clean and a corrupted prompt."""
OWN = {
    **{
        part: {model: {"intervene": part.removeprefix("intervene ")}}
        for part, model in PARTS.items()
    },
    "compare": {
        "glass": {"read": "Prompt", "against": "tales"},
        "tales": {"read": "Prompt", "against": "glass"},
        "induction": {"read": "Prompt", "against_step": "120"},
    },
}
"""What a lesson has in its address besides, so that it opens at one place."""
for part, keys in (("Steer", ("toward", "away")), ("Paths", ("clean", "corrupted"))):
    OWN[f"intervene {part}"]["glass"] |= dict(zip(keys, EXCHANGED, strict=True))


def sent(app: AppTest) -> list[str]:
    """Return what the server sent, element by element, without the question."""
    return [
        f"{leaf.type} {leaf.proto}"
        for leaf in leaves(app.main)
        # A progress bar that is done leaves an empty place, in the first run alone.
        if not isinstance(leaf.proto, str)
        and leaf.type != "empty"
        # The lesson file is made on a click; until then it is a random number. And what
        # the learner did so far goes to the learner's own browser.
        and not getattr(leaf.proto, "id", "").endswith(
            ("-take_away_html", "-take_away_zip", "-_browser_memory")
        )
    ]


def leaves(node: Any):
    for child in getattr(node, "children", {}).values():
        key = getattr(child, "key", None) or ""
        # An opening may be found in one model only; it is of another place than this.
        if key.startswith("predict_") or key == "_go_to_opening":
            continue
        if hasattr(child, "children"):
            yield from leaves(child)
        else:
            yield child


def opened(data: Path, lesson: str, model: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    own = OWN.get(lesson, {}).get(model, {})
    place = {"model": model, "prompt": PROMPTS[model], **PLACE, **own}
    for key, value in place.items():
        app.query_params[key] = value
    name = lesson.partition(" ")[0]
    page = next(page for page in navigation.PAGES if page.name == name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGPT_DATA", str(data))
        patch.setenv("MINIGPT_COVER", "on")
        patch.syspath_prepend(str(ROOT))
        app.switch_page(page.path)
        app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("lesson", "model"), [*product(COVERED, PROMPTS), *PARTS.items()]
)
def test_nothing_sent_before_the_guess_depends_on_the_weights(lesson, model, twins):
    own, other = (opened(data, lesson, model) for data in twins)
    assert any(button.label == "Just show me" for button in own.button)
    assert sent(own) == sent(other)


@pytest.mark.parametrize("lesson", [*COVERED, *PARTS])
def test_what_is_uncovered_does_depend_on_them(lesson, twins, monkeypatch):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    monkeypatch.syspath_prepend(str(ROOT))
    shown = []
    for data in twins:
        app = opened(data, lesson, PARTS.get(lesson, "tales"))
        monkeypatch.setenv("MINIGPT_DATA", str(data))
        button = next(each for each in app.button if each.label == "Just show me")
        button.click().run()
        assert not app.exception
        shown.append(sent(app))
    assert shown[0] != shown[1]


@pytest.fixture(scope="session")
def other_merges(twins, tmp_path_factory) -> Path:
    """Return a data directory with the same models, of which some know half the merges.

    What the Tokenizer asks is answered by the tokenizer, not by the weights.
    """
    data = tmp_path_factory.mktemp("merges")
    shutil.copytree(twins[0] / "models", data / "models")
    for path in sorted((data / "models").glob("tales")):
        model, tokenizer, metadata = load_checkpoint(path)
        half = tokenizer.limited_to(len(tokenizer.merges) // 2)
        save_checkpoint(
            path, model, half, step=metadata.step, provenance=metadata.provenance
        )
    return data


@pytest.mark.parametrize("view", ["Pieces", "Slow motion", "Compare", "Languages"])
def test_nothing_sent_before_the_guess_depends_on_the_merges(
    view, twins, other_merges, monkeypatch
):
    monkeypatch.setitem(PLACE, "tokenizer_view", view)
    own, other = (
        opened(data, "tokenizer", "tales") for data in (twins[0], other_merges)
    )
    assert any(button.label == "Just show me" for button in own.button)
    assert sent(own) == sent(other)


def test_the_cache_is_covered_by_a_prediction_of_its_own(twins, monkeypatch):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("MINIGPT_DATA", str(twins[0]))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["generation_view"] = "the cache"
    app.query_params["prompt"] = PROMPTS["tales"]
    app.switch_page("pages/generation/generation.py").run()
    views = "minigpt.cache_growth"
    assert any(button.label == "Just show me" for button in app.button)
    assert views not in " ".join(sent(app))
    app.radio[0].set_value(0).run()
    assert not app.exception
    assert views in " ".join(sent(app))
