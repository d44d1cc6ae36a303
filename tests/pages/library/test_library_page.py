"""The Library page in this process: its shelves, what it offers, what it refuses."""

import io
import shutil
import subprocess

import pytest

from minigpt.config import get_recipe
from minigpt.library.archives import pack
from minigpt.library.catalogue import find_model
from minigpt.library.incoming import take_upload
from minigpt.runs import RunStore
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.serve import switch

PAGE = "pages/library/library.py"


@pytest.fixture
def own(models, tmp_path):
    """Return a data directory of one's own, with a model `mine` that was uploaded."""
    data = tmp_path / "data"
    shutil.copytree(models / "models", data / "models")
    upload_mine(data)
    return data


def upload_mine(data, name="mine"):
    parcel = pack(find_model(data, "glass").path, "glass")
    take_upload(data, name, [("glass.zip", io.BytesIO(parcel))])


def texts(app):
    assert not app.exception
    return [text.value for text in app.text]


def table(app):
    (frame,) = (frame.value for frame in app.dataframe)
    return frame


def button(app, key):
    return next(b for b in app.button if b.key == key)


def titles(app):
    return [heading.value for heading in app.subheader]


def choose(app, name):
    """Select a model's row, as the page itself does for what was just brought."""
    app.session_state["_on_shelf_Models"] = name
    app.session_state["_shelf_round"] = 100
    return app.run()


def test_every_model_is_listed_with_its_numbers(open_page):
    app = open_page(PAGE)
    assert not app.exception
    assert list(table(app)["name"]) == ["glass", "mlp"]
    assert table(app)["parameters"][0] > table(app)["parameters"][1] > 0
    assert "glass" in titles(app)


def test_an_mlp_has_nothing_to_look_inside_and_says_why(open_page):
    app = choose(open_page(PAGE), "mlp")
    assert "mlp" in titles(app)
    assert button(app, "look_inside").disabled
    assert "no attention heads" in button(app, "look_inside").help
    assert not button(app, "write_with_it").disabled


def test_look_inside_makes_the_model_everybodys_choice(open_page, own):
    app = choose(open_page(PAGE, data=own), "mine")
    button(app, "look_inside").click().run()
    assert app.session_state["model"] == "mine"
    assert app.session_state["_page"] == "head_explorer"


def test_shipped_models_cannot_be_deleted_and_say_why(open_page):
    app = open_page(PAGE)
    assert button(app, "delete").disabled
    assert "ships with minigpt" in button(app, "delete").help


def test_a_model_is_renamed_everywhere(open_page, own):
    app = choose(open_page(PAGE, data=own, model="mine"), "mine")
    app.text_input(key="new_name_mine").set_value("yours")
    button(app, "rename_it").click().run()
    assert list(table(app)["name"]) == ["glass", "mlp", "yours"]
    assert "yours" in titles(app)
    assert app.selectbox(key="model").value == "yours"


@pytest.mark.parametrize("how", ["rename_it", "delete"])
def test_a_model_is_no_longer_served_by_a_name_that_is_free_again(
    open_page, own, monkeypatch, how
):
    app = choose(open_page(PAGE, data=own), "mine")
    app.text_input(key="new_name_mine").set_value("yours")
    # Like a server, `cat` ends with its standard input.
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    served = switch.Running("mine", "http://127.0.0.1:1/v1", process)
    monkeypatch.setitem(switch._servers, "mine", served)
    button(app, how).click().run()
    assert process.wait(30) == 0
    assert switch.running() == []


@pytest.mark.parametrize("name", ["../x", "glass", "", "Модель"])
def test_a_name_that_cannot_be_is_said_in_place(open_page, own, name):
    app = choose(open_page(PAGE, data=own), "mine")
    app.text_input(key="new_name_mine").set_value(name)
    button(app, "rename_it").click().run()
    assert any("cannot be a name" in t or "already" in t for t in texts(app))
    assert find_model(own, "mine")


def test_a_deleted_model_comes_back_with_one_click(open_page, own):
    app = choose(open_page(PAGE, data=own, model="mine"), "mine")
    button(app, "delete").click().run()
    assert list(table(app)["name"]) == ["glass", "mlp"]
    assert app.selectbox(key="model").value == "glass"
    button(app, "undo").click().run()
    assert list(table(app)["name"]) == ["glass", "mine", "mlp"]
    assert "mine" in titles(app)
    assert not [b for b in app.button if b.key == "undo"]


def test_what_was_deleted_in_another_window_is_one_clear_line(open_page, own):
    one, two = (choose(open_page(PAGE, data=own), "mine") for _ in range(2))
    button(one, "delete").click().run()
    button(two, "delete").click().run()
    assert any("no model 'mine'" in text for text in texts(two))
    button(one, "undo").click().run()
    button(two, "undo").click().run()
    assert any("no longer in the trash" in text for text in texts(two))
    assert find_model(own, "mine")


def test_a_link_to_a_deleted_model_falls_back_and_says_so(open_page, own):
    shutil.rmtree(own / "models" / "mine")
    app = open_page(PAGE, data=own, model="mine")
    assert any("no model 'mine'" in text for text in texts(app))


def test_the_trash_can_be_emptied(open_page, own):
    app = choose(open_page(PAGE, data=own), "mine")
    button(app, "delete").click().run()
    button(app, "empty_trash").click().run()
    assert not app.exception
    assert not [b for b in app.button if b.key == "undo"]
    assert list((own / "trash").iterdir()) == []


def test_the_empty_library_reads_well(open_page, tmp_path):
    app = open_page(PAGE, data=tmp_path)
    assert any("No model yet" in text for text in texts(app))
    for shelf, words in (("Runs", "No run yet"), ("Texts", "No text of your own yet")):
        app.button_group(key="shelf").set_value(shelf).run()
        assert any(words in text for text in texts(app))


def test_a_running_run_says_why_it_stays(open_page, tmp_path):
    run = RunStore(tmp_path / "runs").create(get_recipe("default"), "busy")
    lock = RunLock.acquire(run.path)
    write_status(run.path, RunStatus(state="running", step=5, total_steps=9))
    app = open_page(PAGE, data=tmp_path, shelf="Runs")
    assert list(table(app)["state"]) == ["running"]
    assert any("--recipe default" in code.value for code in app.code)
    button(app, "delete").click().run()
    lock.release()
    assert any("already being trained" in text for text in texts(app))
    assert run.path.is_dir()


def test_a_damaged_run_is_shown_with_its_reason(open_page, tmp_path):
    run = RunStore(tmp_path / "runs").create(get_recipe("default"), "broken")
    (run.path / "status.json").write_text("{", encoding="utf-8")
    app = open_page(PAGE, data=tmp_path, shelf="Runs")
    assert any("cannot be read" in text for text in texts(app))
    button(app, "delete").click().run()
    assert not run.path.exists()


def test_a_text_is_shown_as_it_is_and_leads_to_the_training_page(open_page, tmp_path):
    text = tmp_path / "texts" / "book.txt"
    text.parent.mkdir()
    text.write_text("<b>bold</b> ![x](http://evil.example/x.png)", encoding="utf-8")
    app = open_page(PAGE, data=tmp_path, shelf="Texts")
    assert any("evil.example" in code.value for code in app.code)
    assert not any("evil" in markdown.value for markdown in app.markdown)
    button(app, "train_on_it").click().run()
    assert app.session_state["_page"] == "training"
    assert app.text_input(key="path").value == str(text)


def test_a_directory_is_loaded_by_its_path(open_page, own):
    app = open_page(PAGE, data=own)
    source = own / "models" / "mlp"
    app.text_input(key="bring_source").set_value(str(source))
    app.text_input(key="bring_name").set_value("copy")
    button(app, "bring_it").click().run()
    assert not app.exception
    assert "copy" in titles(app)
    assert find_model(own, "copy").kind == "brought"


@pytest.mark.parametrize(
    ("source", "words"),
    [("", "name of a model first"), ("no such place/x/y", "no directory")],
)
def test_what_cannot_be_loaded_says_why(open_page, source, words):
    app = open_page(PAGE)
    app.text_input(key="bring_source").set_value(source)
    button(app, "bring_it").click().run()
    assert any(words in text for text in texts(app))


def test_what_a_checkpoint_tells_is_shown_as_it_is(open_page, own):
    config = own / "models" / "mine" / "config.json"
    evil = "![evil](x.png) <script>"
    told = config.read_text("utf-8").replace(
        '"provenance": {}', f'"provenance": {{"data": {{"source": "{evil}"}}}}'
    )
    assert evil in told
    config.write_text(told, encoding="utf-8")
    app = choose(open_page(PAGE, data=own), "mine")
    assert not app.exception
    (shown,) = (m.value for m in app.markdown if "evil" in m.value)
    assert r"\!\[evil\]\(x\.png\) \<script\>" in shown


def test_the_questions_are_answered_by_the_models_own_numbers(root_on_path, models):
    from minigpt.library.catalogue import available_models
    from minigpt.library.inventory import describe_model
    from pages.library.questions import about

    facts = [describe_model(entry) for entry in available_models(root_on_path / "data")]
    pretrained = [each for each in facts if each.tokens_seen]
    assert {"tales", "glass", "induction"} <= {each.id for each in pretrained}
    ratio = {each.id: each.tokens_seen / each.num_parameters for each in pretrained}
    tokens, room, step = about(facts)
    assert tokens.options[tokens.answer] == max(ratio, key=ratio.get)
    largest = max(each.num_parameters for each in facts)
    assert room.options[room.answer] == f"{4 * largest / 1e6:.1f} MB"
    longest = max(pretrained, key=lambda each: each.step)
    assert step.options[step.answer] == f"{longest.tokens_seen // longest.step:,}"
    assert about([]) == []
    untaught = [describe_model(entry) for entry in available_models(models)]
    assert [question.id for question in about(untaught)] == ["library.bytes"]
