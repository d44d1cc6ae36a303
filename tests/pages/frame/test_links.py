"""Links: what is chosen on a page is in its address, and a page opens there."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

PROMPT = "the cat sat. the cat"
PAGES = Path(__file__).parents[3] / "pages"
CHOICES = {
    *("checkbox", "chat_input", "data_editor", "feedback", "uploader"),
    *("multiselect", "number_input", "pills", "radio", "segmented_control"),
    *("select_slider", "selectbox", "slider", "text_area", "text_input", "toggle"),
}
"""Widgets that a reader chooses or types with."""

NOT_KEPT = {
    # A file, or a text that may be long or private.
    *("_progress_file", "examples", "model_files_{turn}", "prompts_file", "upload"),
    *("text_file_{turn}", "tokenizer_files", "tokenizer_upload", "pasted", "path"),
    *("pasted_{method}", "prompts_typed", "tokenizer_pasted", "STORY", "bring_source"),
    *("chat_input", "edited_{number}", "own_pairs_{turn}", "pairs_file"),
    *("_result_codes", "_result_files", "_result_word"),
    *("_hand_in_name", "_hand_in_word"),
    # A note: it is kept with the model, and a bookmark's name with the bookmark.
    *("own_name_L{layer}H{head}", "own_text_L{layer}H{head}", "own_view"),
    *("own_pin_L{layer}H{head}", "notes_to_add"),
    # An answer: it belongs to whoever gave it, and progress keeps it.
    *("question.key", "_key(question, number)", "_guess_{asked}"),
    *("_ballot_{vote.id}_{vote.round}", "_key(who, test, place)"),
    *("guess", "guess_sizes"),
    # Done at once, and then over: a search, a new name, an example to take, a link.
    *("_glossary_search", "_looked_up", "field", "to_try", "run_name", "tuning_name"),
    *("{key}_name", "_share_hide", "_share_present"),
    *("new_tokenizer", "tokenizer_kind", "tokenizer_text", "tokenizer_merges"),
    # Kept by other means: in the hash of its prompt; by the token that was drawn.
    "_cut_{sha256(prompt.encode()).hexdigest()[:12]}",
    "_traced_{hash((source.identity, *shown, draw.token))}",
    # The class's: its room keeps them, for everybody.
    *("_door", "_follow_me", "_locked_pages"),
    # Kept under another name, `merges_made` and `keys`, by `pages.frame.place`.
    *("merges_made", "_SWITCH"),
}
"""Keys of widgets that the address does not hold, with the reason."""


def unkept(source: str) -> set[str]:
    """Return the keys of the widgets in a file that are not bound to the address."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = getattr(node.func, "attr", getattr(node.func, "id", ""))
        named = {word.arg: word.value for word in node.keywords}
        # `**state.BOUND`, or the settings' own dictionary, which begins with it.
        if function in CHOICES and "key" in named and None not in named:
            found.add(re.sub("^f?(['\"])(.*)\\1$", r"\2", ast.unparse(named["key"])))
    return found


def test_every_choice_is_in_the_address_or_it_is_said_why_not():
    files = PAGES.rglob("*.py")
    found = set().union(*(unkept(each.read_text(encoding="utf-8")) for each in files))
    assert found == NOT_KEPT


def test_every_upload_is_one_that_the_server_knows_of():
    # The doors refuse a file for a widget that `uploader` has not shown.
    sources = {each: each.read_text(encoding="utf-8") for each in PAGES.rglob("*.py")}
    direct = [each.name for each, text in sources.items() if "file_uploader(" in text]
    assert direct == ["uploads.py"]


def called(source: str, names: set[str]) -> set[str]:
    """Return the first words that functions of these names are called with."""
    return {
        ast.literal_eval(node.args[0])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def bound(source: str) -> set[str]:
    """Return the keys of the widgets in a file that are bound to the address."""
    calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    named = [{word.arg: word.value for word in call.keywords} for call in calls]
    return {
        words["key"].value
        for words in named
        if None in words and isinstance(words.get("key"), ast.Constant)
    }


def test_no_word_of_the_address_has_two_meanings():
    sources = [each.read_text(encoding="utf-8") for each in PAGES.rglob("*.py")]
    widgets = set().union(*map(bound, sources))
    figures = set().union(*(called(each, {"write"}) for each in sources))
    assert len(widgets) > 20
    assert len(figures) > 5
    assert not widgets & figures


class Kind(NamedTuple):
    """Something that is chosen in a figure."""

    page: str
    slot: str
    """Where the session has it."""
    chosen: object
    key: str
    word: str
    query: Mapping[str, str] = MappingProxyType({})


KINDS = [
    Kind("", "_zoom", (1, 0, 2), "zoom", "1.0.2"),
    Kind(
        "intervene",
        *("_patch", ("z", 1, 0), "patch", "z:1.0"),
        {"intervene": "Patch", "carry_head": "z"},
    ),
    Kind("logit_lens", "_lens_part", ("L1 MLP", (1, 0)), "lens_part", "L1 MLP"),
    Kind("head_explorer", "_read", 3, "key", "3"),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.slot}={kind.word}")
def test_a_fresh_session_shows_what_was_chosen_in_a_figure(open_page, kind):
    from pages.intervene.patch import Patch

    page = kind.page and f"pages/{kind.page}/{kind.page}.py"
    query = {"prompt": PROMPT, "layer": "1", "head": "0", "token": "6", **kind.query}
    app = open_page(page, **query)
    before = shown(app)
    app.session_state[kind.slot] = (
        Patch(*kind.chosen) if kind.key == "patch" else kind.chosen
    )
    app.run()
    assert app.query_params[kind.key] in (kind.word, [kind.word])
    assert shown(app) != before
    again = open_page(page, **query, **{kind.key: kind.word})
    assert shown(again) == shown(app)


def shown(app) -> list[str]:
    """Return what a page says but for its address, and what its small views draw."""
    assert not app.exception
    said = [each.value for each in (*app.markdown, *app.code, *app.caption)]
    said = [text for text in said if not text.startswith("http")]
    views = [view.proto for view in app.get("bidi_component")]
    drawn = [v.json for v in views if v.component_name != "minigpt.browser_memory"]
    return said + drawn


@pytest.mark.parametrize("word", ["-1", "x", "", "1..2", "²"])
def test_what_names_no_place_is_not_read(root_on_path, word):
    from pages.frame.place import undotted

    with pytest.raises(ValueError, match="places"):
        undotted(word)


def test_a_link_to_no_such_place_opens_the_page_as_it_begins(open_page, view):
    app = open_page("", prompt=PROMPT, zoom="1.0.2.9")
    assert view(app, "zoom")["path"] == ["text", "“t”"]
    assert "zoom" not in app.query_params


def test_agreeing_to_read_the_end_of_a_long_prompt_is_in_the_address(open_page):
    page = "pages/attention/attention.py"
    app = open_page(page, prompt="a" * 65)
    app.checkbox[0].check().run()
    assert app.query_params["last_only"] in ("1", ["1"])
    again = open_page(page, prompt="a" * 65, last_only="1")
    assert again.checkbox[0].value
    assert again.number_input(key="token").value == 63


def test_whoever_follows_a_link_does_not_wait_for_a_search_but_can_ask(open_page):
    app = open_page("pages/attention/attention.py", prompt="the cat", token="2")
    assert app.session_state["_openings"] == {}
    app.button(key="_go_to_opening").click().run()
    assert app.session_state["prompt"] != "the cat"
    assert any(each.value.startswith("Opened at") for each in app.caption)
    app.session_state["step"] = 10
    app.run()
    assert len(app.session_state["_openings"]) == 1
    assert app.button(key="_go_to_opening")
