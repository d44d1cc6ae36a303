"""Chat's tour: it asks, and what it says is what the page then shows."""

import json
import re
import runpy

import pytest

PAGE = "pages/chat/chat.py"


@pytest.fixture(scope="module")
def talkers(tmp_path_factory):
    make = runpy.run_path("tests/pages/make_chat_models.py")
    return make["make_chat_models"](tmp_path_factory.mktemp("chat"))


def tokens(app) -> dict:
    (shown,) = (
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == "minigpt.chat_tokens"
    )
    return shown


def said(app) -> list[str]:
    return [message.text[0].value for message in app.chat_message if message.text]


def test_every_stop_quotes_what_the_page_shows_and_the_talk_comes_back(
    open_page, talkers, walk
):
    app = open_page(PAGE, data=talkers)
    app.button(key="chip_1").click().run()
    for _ in range(80):
        if any(button.label == "Stop" for button in app.button):
            app.run()
    before = said(app)
    heads = []
    for stop in walk(app):
        words = stop.words
        if "row of" in words:
            assert f"row of {len(tokens(app)['pieces'])} tokens" in words
        if words.startswith("Asked") or "same words" in words:
            question, answer = said(app)
            assert f"“{answer[:40]}" in words
            assert app.toggle(key="chat_template").value == words.startswith("Asked")
        if "looked most at" in words:
            row = [float(each or 0) for each in tokens(app)["weights"]]
            assert f"with {max(row):.2f} of its attention" in words
            layer, head = (app.session_state[key] for key in ("layer", "head"))
            assert f"L{layer}H{head} looked" in words
            heads.append((layer, head))
        if "very same tokens" in words:
            assert f"goes on with “{said(app)[-1][:40]}" in words
        if "Is it sure" in words:
            (label,) = {each.label for each in app.get("popover") if "Prob" in each.label}
            assert re.search(r"[\d.]+(e-\d+)?", label)[0] in words
        if "answers whatever" in words:
            assert f"“{said(app)[0]}”" in words
            assert any("kind" in caption.value for caption in app.caption)
    assert len(set(heads)) == 2
    app.switch_page("pages/home/home.py").run()
    app.switch_page(PAGE).run()
    assert said(app) == before
