"""Chat and Fine-tuning: many items of each kind, and nothing shown before the guess."""

import shutil
from itertools import islice
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.checkpoint import load_checkpoint
from minigpt.config import FinetuneConfig, GenerationConfig, RunConfig
from minigpt.datasets.tales.instructions import instructions
from minigpt.finetuning.chat import ready_to_chat
from minigpt.library.catalogue import find_model

ROOT = Path(__file__).parents[2]
ANSWER = "_answer_{}".format


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data directory with the base and the tuned model that ship."""
    data = tmp_path_factory.mktemp("tuned")
    for name in ("tales", "tales-chat"):
        shutil.copytree(ROOT / "data/models" / name, data / "models" / name)
    return data


@pytest.fixture
def here(data, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(data))
    monkeypatch.syspath_prepend(str(ROOT))
    return data


def of_chat(data):
    from pages.chat import questions, story
    from pages.chat.speakers import Speaker
    from pages.chat.talk import Asking

    entry = find_model(data, "tales-chat")
    speaker = Speaker(entry, entry.path, load_checkpoint(entry.path), True)
    asking = Asking(speaker, GenerationConfig(strategy="greedy"))
    told = story.prepare(speaker)
    yield questions.without_template(asking, told)
    yield from questions.checks(asking, told)


def of_finetuning(data):
    from pages.finetuning import questions
    from pages.finetuning.numbers import both
    from pages.finetuning.tunings import Tuning

    base = ready_to_chat(load_checkpoint(data / "models/tales"))
    finetune = FinetuneConfig(base=str(data / "models/tales"))
    examples = list(islice(instructions(0, "held_out"), 60))
    yield questions.masked(examples, base)
    config = RunConfig(finetune=finetune)
    yield from questions.before_a_tuning(examples, base, config)
    entry = find_model(data, "tales-chat")
    shown = both(Tuning("tales-chat", finetune, None, entry))
    yield from questions.after_a_tuning(examples, shown)


@pytest.mark.parametrize("lesson", [of_chat, of_finetuning])
def test_every_kind_has_twenty_items_with_more_than_one_answer(lesson, here):
    for kind in lesson(here):
        items = list(islice(kind, 22))
        assert len({item.id for item in items}) == 1
        assert len({item.fingerprint for item in items}) >= 20, items[0].id
        assert len({item.options[item.answer] for item in items}) >= 2, items[0].id
        for item in items:
            assert len(set(item.options)) == len(item.options), item.options


def components(app, name):
    return [
        node
        for node in app.get("bidi_component")
        if node.proto.component_name == f"minigpt.{name}"
    ]


@pytest.mark.parametrize(
    ("page", "view"),
    [
        ("pages/chat/chat.py", "chat_tokens"),
        ("pages/finetuning/finetuning.py", "masked_loss"),
    ],
)
def test_what_answers_the_prediction_is_not_there_before_it(
    page, view, here, monkeypatch
):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    app.switch_page(page).run()
    assert not app.exception
    assert components(app, view) == []
    assert not any("mean over" in each.value for each in app.markdown)
    kinds = ("chat.template", "finetuning.masked")
    (predicted,) = (
        each for each in app.radio if each.key.startswith(tuple(map(ANSWER, kinds)))
    )
    predicted.set_value(0).run()
    assert not app.exception
    assert components(app, view)
