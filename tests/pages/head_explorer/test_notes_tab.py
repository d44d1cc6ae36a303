import shutil

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.library.notes import HeadNote, Notes, View, change_notes, read_notes

PAGE = "pages/head_explorer/head_explorer.py"
HOSTILE = "<b>*a*</b>[b](x)$d$`e`"


@pytest.fixture
def data(models, tmp_path):
    """Return a copy of the models, for notes of a test's own."""
    return shutil.copytree(models, tmp_path / "data")


def press(app: AppTest, label: str) -> None:
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception


def heading(app: AppTest) -> str:
    return next(each.value for each in app.subheader if each.value.startswith("L1H0"))


def test_a_head_that_a_reader_names_has_its_name_for_everybody(open_page, view, data):
    place = {"layer": "1", "head": "0", "head_tab": "Notes"}
    app = open_page(PAGE, data=data, **place)
    app.text_input(key="own_name_L1H0").set_value(HOSTILE)
    app.text_area(key="own_text_L1H0").set_value("See\nL0H1.")
    app.checkbox(key="own_pin_L1H0").check()
    press(app, "Save note")
    kept = read_notes(data / "models/glass/notes.json")
    assert kept.heads == {(1, 0): HeadNote(HOSTILE, "See\nL0H1.", True)}
    app.text_input(key="own_view").set_value("  ")
    press(app, "Bookmark this view")
    (bookmark,) = read_notes(data / "models/glass/notes.json").views
    assert (bookmark.title, bookmark.page) == ("A view", "head_explorer")
    assert {"layer=1", "head_tab=Notes"} <= set(bookmark.query.split("&"))

    other = open_page(PAGE, data=data, **place)
    assert view(other, "head_grid")["names"] == [[1, 0, HOSTILE]]
    assert r"“\<b\>\*a\*\</b\>\[b\]\(x\)\$d\$\`e\`”" in heading(other)
    assert other.session_state["_pinned"] == [(1, 0)]
    press(other, "Delete")
    assert read_notes(data / "models/glass/notes.json").views == ()


def test_on_a_shared_server_notes_are_read_only(open_page, data, monkeypatch):
    path = data / "models/glass/notes.json"
    notes = Notes({(1, 0): HeadNote("mine")}, (View("v", "head_explorer", ""),))
    change_notes(path, lambda _: notes)
    monkeypatch.setattr("pages.head_explorer.notes.is_local", lambda: False)
    app = open_page(PAGE, data=data, layer="1", head="0", head_tab="Notes")
    assert "“mine”" in heading(app)
    changing = {"Save note", "Bookmark this view", "Delete"}
    assert {each.label for each in app.button if each.disabled} >= changing


def test_damaged_notes_are_said_in_their_tab_and_the_page_goes_on(open_page, data):
    path = data / "models/glass/notes.json"
    path.write_text('{"heads": 5}', "utf-8")
    app = open_page(PAGE, data=data, layer="1", head="0", head_tab="Notes")
    assert not app.exception
    assert any("holds no notes on a model" in each.value for each in app.text)
    assert heading(app)
    app.text_input(key="own_name_L1H0").set_value("again")
    press(app, "Save note")
    assert read_notes(path).heads == {(1, 0): HeadNote("again")}
    assert [each.read_text("utf-8") for each in path.parent.glob("*.damaged-*")] == [
        '{"heads": 5}'
    ]
