import pytest

from minigpt.config import RunConfig
from minigpt.config.recipes import get_recipe
from minigpt.runs import RunStore
from minigpt.runs.status import RunStatus, write_status

PAGE = "pages/train/training.py"


def texts(app):
    return [text.value for text in app.text]


def start_button(app):
    return next(button for button in app.button if button.label == "Start training")


@pytest.fixture
def finished(tmp_path):
    """Return a data directory with a run `first` that ended, without a checkpoint."""
    run = RunStore(tmp_path / "runs").create(RunConfig(), "first")
    write_status(
        run.path,
        RunStatus(state="finished", step=30, total_steps=30, uniform_loss=4.1),
    )
    lines = [
        '{"kind": "step", "step": 10, "loss": 3.0, "average_loss": 3.5}',
        '{"kind": "step", "step": 20, "loss": 2.5, "average_loss": 3.0}',
        '{"kind": "evaluation", "step": 20, "loss": 2.75}',
    ]
    (run.path / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sample = '{"step": 20, "prompt": "a", "text": "![x](http://evil.example/x.png)"}\n'
    (run.path / "samples.jsonl").write_text(sample, encoding="utf-8")
    return tmp_path


def test_the_cost_is_said_before_the_start(open_page):
    app = open_page(PAGE)
    shown = {metric.label: metric.value for metric in app.metric}
    assert set(shown) >= {"Parameters", "Text", "Time, roughly"}
    assert shown["Text"] == "5.0 M tokens"
    assert not start_button(app).disabled


def test_every_field_of_the_models_settings_has_a_widget_with_its_words(open_page):
    app = open_page(PAGE)
    recipe = get_recipe("default")
    for config, prefix in (
        (recipe.transformer, "model.quick"),
        (recipe.train, f"train.{recipe.train.max_steps}"),
    ):
        for name, info in type(config).model_fields.items():
            settled = {"vocab_size", "max_steps", "num_epochs", "compile"}
            if name in settled | {"device", "num_threads"}:
                continue
            widget = app.get_by_key(f"{prefix}.{name}")
            assert widget.label == name
            assert widget.help == info.description


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("model.quick.num_heads", 3, "does not divide d_model"),
        ("model.quick.max_seq_len", 1_000_000, "one window"),
    ],
)
def test_settings_that_do_not_fit_are_said_in_place(open_page, name, value, words):
    app = open_page(PAGE)
    app.number_input(key=name).set_value(value).run()
    assert any(words in text for text in texts(app))
    assert start_button(app).disabled


def paste(app, text):
    app.button_group(key="source").set_value("paste").run()
    return app.text_area(key="pasted").set_value(text).run()


def test_a_tiny_text_is_refused_with_numbers_and_a_remedy(open_page, tmp_path):
    app = paste(open_page(PAGE, data=tmp_path), "Too short.")
    assert any("longer text" in text or "one window" in text for text in texts(app))
    assert start_button(app).disabled


def test_without_a_text_the_button_says_why_it_is_disabled(open_page, tmp_path):
    app = paste(open_page(PAGE, data=tmp_path), "  ")
    button = start_button(app)
    assert button.disabled
    assert "First choose a text" in button.help


def test_a_path_that_leads_nowhere_is_said_in_place(open_page, tmp_path):
    app = open_page(PAGE, data=tmp_path)
    app.button_group(key="source").set_value("path").run()
    app.text_input(key="path").set_value(str(tmp_path / "none.txt")).run()
    assert any("none.txt" in text for text in texts(app))
    assert start_button(app).disabled


def test_a_name_that_is_not_allowed_is_said_in_place(open_page, tmp_path):
    app = open_page(PAGE, data=tmp_path)
    app.text_input(key="run_name").set_value("../evil").run()
    start_button(app).click().run()
    assert any("cannot be a run's name" in text for text in texts(app))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_an_unknown_run_in_the_url_is_said_and_a_new_one_is_offered(
    open_page, finished
):
    app = open_page(PAGE, data=finished, run="frist")
    assert any("no run 'frist'" in text and "'first'" in text for text in texts(app))
    assert start_button(app)


def test_a_run_in_the_url_is_shown_with_its_numbers(open_page, finished):
    app = open_page(PAGE, data=finished, run="first")
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Step"] == "30 / 30"
    assert any("evil.example" in code.value for code in app.code)
    assert not any("evil" in markdown.value for markdown in app.markdown)


def test_all_runs_are_listed_with_their_states(open_page, finished):
    app = open_page(PAGE, data=finished)
    (table,) = (frame.value for frame in app.dataframe)
    assert list(table["run"]) == ["first"]
    assert list(table["state"]) == ["finished"]


def test_a_damaged_run_does_not_hide_the_others(open_page, finished):
    damaged = RunStore(finished / "runs").create(RunConfig(), "broken")
    (damaged.path / "status.json").write_text("{", encoding="utf-8")
    app = open_page(PAGE, data=finished)
    assert not app.exception
    (table,) = (frame.value for frame in app.dataframe)
    assert set(table["run"]) == {"first", "broken"}
