"""Links to share: what they hold, and what they hide."""

import re
from urllib.parse import parse_qs, urlsplit

import navigation
import pytest

EXPLORER = "pages/head_explorer/head_explorer.py"


def texts(app) -> str:
    return "\n".join(each.value for each in app.text)


def hiding_rule(app) -> str:
    """Return the style that hides what the link asked to hide."""
    rules = [html.proto.body for html in app.get("html")]
    return next(
        (rule for rule in rules if "display: none !important; }</style>" in rule), ""
    )


def shared_link(app) -> str:
    app.session_state["share_menu"] = True  # as a click opens it
    app.run()
    return next(code.value for code in app.code if code.value.startswith("http"))


def test_a_link_holds_page_model_step_prompt_and_place(open_page):
    app = open_page(EXPLORER, prompt="the cat & I", step="10", layer="1", token="2")
    link = urlsplit(shared_link(app))
    assert link.path == "/head_explorer"
    asked = {key: value[0] for key, value in parse_qs(link.query).items()}
    assert (
        asked.items()
        >= {
            "model": "glass",
            "step": "10",
            "prompt": "the cat & I",
            "layer": "1",
            "token": "2",
        }.items()
    )
    again = open_page(EXPLORER, **asked)
    assert again.number_input(key="layer").value == 1
    assert again.number_input(key="token").value == 2
    assert again.text_input(key="prompt").value == "the cat & I"
    assert again.session_state["step"] == 10


def test_what_the_teacher_hides_stands_in_the_link(open_page):
    app = open_page(EXPLORER, prompt="the cat")
    app.session_state["_share_hide"] = ["predict", "model"]
    app.session_state["_share_present"] = True
    asked = parse_qs(urlsplit(shared_link(app)).query)
    assert asked["hide"] == ["model,predict"]
    assert asked["present"] == ["1"]


@pytest.mark.parametrize("page", navigation.PAGES, ids=lambda page: page.name)
def test_every_page_hides_what_a_link_hides(page, open_page):
    app = open_page(page.path, hide="sidebar,code,check", prompt="the cat")
    assert not app.exception
    rule = hiding_rule(app)
    assert "stSidebar" in rule
    assert ".st-key-check" in rule
    assert ".st-key-prompt" not in rule


def test_an_unknown_name_is_said_and_the_others_are_heeded(open_page):
    app = open_page(EXPLORER, hide="modle,prompt,<b>")
    assert "'modle'" in texts(app)
    assert re.search("Did you mean .*'model'", texts(app))
    assert "'<b>'" in texts(app)
    assert ".st-key-prompt" in hiding_rule(app)
    assert app.query_params["hide"] == "prompt"


def test_nothing_is_hidden_unless_a_link_says_so(open_page):
    app = open_page(EXPLORER, hide="")
    assert hiding_rule(app) == ""
    assert "no such control" not in texts(app)


def test_present_mode_asks_the_class_and_folds_predict_away_afterwards(open_page):
    asked = "**Predict.**"
    usual = open_page(EXPLORER, prompt="the cat sat. the cat")
    assert any(each.value.startswith(asked) for each in usual.markdown)
    app = open_page(EXPLORER, prompt="the cat sat. the cat", present="1")
    next(each for each in app.button if each.label == "Reveal").click().run()
    assert any(each.label.startswith(asked) for each in app.expander)
    assert not any(each.value.startswith(asked) for each in app.markdown)


def test_a_link_leaves_the_keys_to_whoever_opens_it(open_page):
    app = open_page("pages/attention/attention.py", keys="off")
    assert "keys=" not in shared_link(app)
