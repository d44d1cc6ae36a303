import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from minigpt.checkpoint import save_checkpoint
from minigpt.errors import DataError
from minigpt.library.archives import pack
from minigpt.library.catalogue import ModelEntry, find_model
from minigpt.library.incoming import take_upload
from minigpt.library.notes import (
    LONGEST_LINK,
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_BYTES,
    MOST_VIEWS,
    HeadNote,
    Notes,
    View,
    change_notes,
    notes_path,
    parse_notes,
    read_notes,
    write_down,
)
from minigpt.model import TransformerLM
from minigpt.tokenizers import CharTokenizer

NOTES = Notes(
    {
        (0, 3): HeadNote("copy cat", "Reads what came *next*.\nSee <b>L1H0</b>.", True),
        (1, 0): HeadNote(text="=1+1"),
    },
    (View("the 2nd kite", "head_explorer", "model=tales&layer=0&prompt=a%20b"),),
)


@pytest.fixture
def own_model(tmp_path, monkeypatch) -> ModelEntry:
    """Return a model of the user's own, in a data directory of its own."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("the cat sat")
    model = TransformerLM(vocab_size=tokenizer.vocab_size, d_model=16, num_heads=2)
    save_checkpoint(tmp_path / "models" / "glass", model, tokenizer)
    return find_model(tmp_path, "glass")


def test_notes_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "notes.json"
    assert read_notes(path) == Notes()
    assert change_notes(path, lambda _: NOTES) == NOTES
    assert read_notes(path) == NOTES == parse_notes(write_down(NOTES), "a file")


def test_an_empty_note_and_a_bookmark_are_taken_away():
    left = NOTES.with_head((1, 0), HeadNote()).without_view("the 2nd kite")
    assert (set(left.heads), left.views) == ({(0, 3)}, ())
    again = View("the 2nd kite", "head_explorer", "layer=1")
    assert NOTES.with_view(again).views == (again,)


def test_notes_of_a_file_are_added_and_win_where_both_speak():
    theirs = Notes({(0, 3): HeadNote("parrot"), (2, 2): HeadNote("bracket")})
    both = NOTES.joined(theirs)
    names = {place: note.name for place, note in both.heads.items()}
    assert names == {(0, 3): "parrot", (1, 0): "", (2, 2): "bracket"}
    assert both.views == NOTES.views


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\u202eb\x00c\x1b[31m\n d", "abc[31m d"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("**bold** $x$ `y`", "**bold** $x$ `y`"),
        ("Größe 猫 👩‍👩‍👧", "Größe 猫 👩‍👩‍👧"),
    ],
)
def test_a_name_is_one_line_of_letters_that_can_be_shown(typed, kept, tmp_path):
    change = Notes().with_head((0, 0), HeadNote(typed))
    found = change_notes(tmp_path / "notes.json", lambda _: change)
    assert found.heads[0, 0].name == kept


@pytest.mark.parametrize(
    "notes",
    [
        Notes({(0, 0): HeadNote("n" * (LONGEST_NAME + 1))}),
        Notes({(0, 0): HeadNote(text="t" * (LONGEST_NOTE + 1))}),
        Notes({(0, 0): HeadNote("\ud800")}),
        Notes({(0, -1): HeadNote("n")}),
        Notes({(i, 0): HeadNote(text="é" * 1900) for i in range(100)}),
        Notes(views=(View("v", "head_explorer", "a" * (LONGEST_LINK + 1)),)),
        Notes(views=(View("v", "head_explorer", "//evil.example"),)),
        Notes(views=(View("v", "https://evil.example/", ""),)),
        Notes(views=(View("v", "javascript:alert(1)", ""),)),
        Notes(views=tuple(View(f"v{i}", "home", "") for i in range(MOST_VIEWS + 1))),
    ],
)
def test_what_is_too_large_or_leads_elsewhere_is_refused_and_nothing_changes(
    notes, tmp_path
):
    path = tmp_path / "notes.json"
    change_notes(path, lambda _: NOTES)
    with pytest.raises(DataError):
        change_notes(path, lambda _: notes)
    assert read_notes(path) == NOTES


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b'{"minigpt_notes": 1, "heads": {"L0H0": {"na',
        b"\xff\xfe\x00",
        b"[]",
        b'{"minigpt_notes": 2}',
        b'{"heads": {"../x": {"name": "n"}}}',
        b'{"heads": {"L0H0": {"name": 5}}}',
        b" " * (MOST_BYTES + 1),
    ],
)
def test_a_file_that_cannot_be_read_is_kept_when_another_takes_its_place(
    damaged, tmp_path
):
    path = tmp_path / "notes.json"
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="notes"):
        read_notes(path)
    assert path.read_bytes() == damaged
    change_notes(path, lambda notes: notes.with_head((0, 0), HeadNote("new")))
    assert read_notes(path).heads == {(0, 0): HeadNote("new")}
    (aside,) = tmp_path.glob("notes.damaged-*.json")
    assert aside.read_bytes() == damaged


def test_of_many_who_write_at_once_nobody_loses_a_note(tmp_path):
    path = tmp_path / "notes.json"

    def write(head: int) -> None:
        change_notes(path, lambda notes: notes.with_head((0, head), HeadNote("n")))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(64)))
    assert set(read_notes(path).heads) == {(0, head) for head in range(64)}


def test_a_change_that_fails_leaves_the_file_and_the_lock_free(tmp_path):
    path = tmp_path / "notes.json"
    change_notes(path, lambda _: NOTES)
    with pytest.raises(ZeroDivisionError):
        change_notes(path, lambda _: 1 / 0)
    assert change_notes(path, lambda notes: notes) == NOTES


def test_notes_travel_inside_the_models_zip(own_model, tmp_path):
    data, entry = tmp_path, own_model
    change_notes(notes_path(entry), lambda _: NOTES)
    parcel = io.BytesIO(pack(entry.path, entry.id, notes_path(entry)))
    take_upload(data, "arrived", [("glass.zip", parcel)])
    assert read_notes(notes_path(find_model(data, "arrived"))) == NOTES


def test_notes_on_a_model_that_ships_lie_in_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    monkeypatch.delenv("MINIGPT_SHIPPED", raising=False)
    entry = find_model(tmp_path, "tales")
    change_notes(notes_path(entry), lambda _: NOTES)
    written = json.loads((tmp_path / "notes" / "tales.json").read_text("utf-8"))
    assert written["heads"]["L0H3"]["name"] == "copy cat"
    assert not list(entry.path.glob("*notes*"))


def test_a_note_brings_no_deleted_model_back(own_model, tmp_path):
    path = notes_path(own_model)
    shutil.rmtree(path.parent)
    with pytest.raises(DataError, match="cannot be kept"):
        change_notes(path, lambda _: NOTES)
    assert not path.parent.exists()
