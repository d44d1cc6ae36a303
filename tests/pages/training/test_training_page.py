import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from minigpt.config import RunConfig
from minigpt.config.recipes import get_recipe
from minigpt.runs import RunStore
from minigpt.runs.learning_to_copy import keep_guess, read_copying
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.runs.step_time import step_time
from minigpt.runs.ticket import read_ticket
from minigpt.worker.worker import train_run

PAGE = "pages/training/training.py"


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


@pytest.mark.parametrize(
    ("slower", "captions"),
    [(2.04, ["This machine is busy: about 2 × slower."]), (1.2, [])],
)
def test_a_busy_machine_is_said_beside_the_time_it_takes(slower, captions):
    def page(slower):
        from minigpt.preparation.estimate import Estimate
        from minigpt.runs.status import RunStatus
        from pages.frame.runs import progress
        from pages.training import set_up

        set_up.show_estimate(Estimate(1, 65, 1000, 10, 1000, 30.0, slower))
        for state in ("running", "finished"):
            progress.show_numbers(RunStatus(state=state, slower=slower))

    app = AppTest.from_function(page, args=(slower,)).run()
    assert not app.exception
    assert [each.value for each in app.caption] == 2 * captions  # not once it has ended


def test_every_field_of_the_models_settings_has_a_widget_with_its_words(open_page):
    app = open_page(PAGE)
    recipe = get_recipe("default")
    for config, prefix in (
        (recipe.transformer, "default.model.recipe"),
        (recipe.train, f"default.train.{recipe.train.max_steps}"),
    ):
        for name, info in type(config).model_fields.items():
            settled = {"vocab_size", "max_steps", "num_epochs", "compile", "shard"}
            elsewhere = {"device", "num_threads", "tensorboard", "wandb_project"}
            if name in settled | elsewhere:
                continue
            widget = app.get_by_key(f"{prefix}.{name}")
            assert widget.label == name
            assert widget.help == info.description


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("default.model.recipe.num_heads", 3, "does not divide d_model"),
        ("default.model.recipe.max_seq_len", 1_000_000, "one window"),
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
    assert "Choose a text first" in button.help


def test_a_path_that_leads_nowhere_is_said_in_place(open_page, tmp_path):
    app = open_page(PAGE, data=tmp_path)
    app.button_group(key="source").set_value("path").run()
    app.text_input(key="path").set_value(str(tmp_path / "none.txt")).run()
    assert any("none.txt" in text for text in texts(app))
    assert start_button(app).disabled


def test_a_data_set_is_learned_from_as_documents(open_page, tmp_path):
    rows = [{"text": f"Once there was kite {n}.\n\nIt flew high."} for n in range(400)]
    lines = "\n".join(map(json.dumps, rows)).encode()
    app = open_page(PAGE, data=tmp_path)
    app.button_group(key="source").set_value("upload").run()
    app.file_uploader(key="upload").upload("set.jsonl", lines).run()
    said = [each.value.replace("\\", "") for each in app.caption]
    assert any(s.startswith("JSON lines, its column text: 400 documents") for s in said)
    assert not start_button(app).disabled
    (kept,) = (tmp_path / "texts").iterdir()
    assert kept.read_text("utf-8").split("\n\n\n") == [row["text"] for row in rows]
    app.file_uploader(key="upload").upload("scan.pdf", b"%PDF-1.4 cut").run()
    assert any("scan.pdf is a PDF that cannot be read" in text for text in texts(app))
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


@pytest.fixture(scope="session")
def copied(tmp_path_factory):
    """Return a data directory with a run `copied`, trained on repeated words."""
    data = tmp_path_factory.mktemp("copied")
    run = RunStore(data / "runs").create(get_recipe("induction-live"), "copied")
    keep_guess(run, 90)
    train_run(run)
    return data


def open_experiment(open_page, data):
    app = open_page(PAGE, data=data)
    (aim,) = (group for group in app.button_group if group.key == "aim")
    return aim.set_value(aim.options[1]).run()


def experiment_button(app):
    return next(b for b in app.button if b.label == "Start the experiment")


def test_the_experiment_begins_with_a_guess(open_page, tmp_path):
    app = open_experiment(open_page, tmp_path)
    assert not app.exception
    assert experiment_button(app).disabled
    assert "Guess a step first" in experiment_button(app).help
    app.number_input(key="guess").set_value(120).run()
    assert not experiment_button(app).disabled


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("10 1 2", "relative_gain has 3 numbers and num_heads is 2"),
        ("ten one", "relative_gain is 'ten one': type numbers"),
        ("10 0", "relative_gain.numbers.1 is 0"),
    ],
)
def test_gains_that_do_not_fit_are_said_in_place(open_page, tmp_path, typed, words):
    app = open_experiment(open_page, tmp_path)
    app.number_input(key="guess").set_value(120).run()
    app.text_input(key="copy.model.relative_gain").set_value(typed).run()
    assert any(words in text for text in texts(app))
    assert experiment_button(app).disabled


def test_afterwards_the_guess_stands_beside_what_came(open_page, copied):
    app = open_page(PAGE, data=copied, run="copied")
    assert not app.exception
    curve = read_copying(RunStore(copied / "runs").open("copied").metrics().records)
    assert 60 <= curve.score_step <= curve.loss_step <= 250
    verdict = next(m.value for m in app.markdown if "You guessed" in m.value)
    assert "step **90**" in verdict
    assert f"{curve.loss_step - 90} steps too early" in verdict
    assert f"fallen halfway at step **{curve.loss_step}**" in verdict
    assert f"risen halfway at step **{curve.score_step}**" in verdict


def test_the_words_state_the_numbers_of_this_run(open_page, copied):
    app = open_page(PAGE, data=copied, run="copied")
    curve = read_copying(RunStore(copied / "runs").open("copied").metrics().records)
    begin, end = curve.change
    (told,) = (m.value for m in app.markdown if "The stripe and the drop" in m.value)
    assert f"Until about step {begin}, words cost {curve.second_loss[0]:.2f}" in told
    assert f"by step {end} copying works: {curve.second_loss[-1]:.2f} nats" in told
    assert f"up to {curve.first_loss.max():.2f} nats" in told
    assert len(told.split()) <= 120


def test_the_check_is_graded_by_this_run(open_page, copied):
    app = open_page(PAGE, data=copied, run="copied")
    curve = read_copying(RunStore(copied / "runs").open("copied").metrics().records)
    begin, end = curve.change
    right = {
        "An untrained model gives each of": "ln 70 nats",
        "from a tenth to nine": f"{end - begin} steps",
        "seen for the first time?": "It rose",
    }
    asked = [radio for radio in app.radio if any(q in radio.label for q in right)]
    assert len(asked) == 3
    for radio in asked:
        answer = next(a for q, a in right.items() if q in radio.label)
        plain = [option.replace("\\", "") for option in radio.options]
        place = next(n for n, option in enumerate(plain) if option.startswith(answer))
        radio.set_value(place).run()
    app.run()
    assert sum("✓ Right" in m.value for m in app.markdown) == 3
    assert any("3 of 3 right" in caption.value for caption in app.caption)


def test_the_code_under_each_figure_gives_its_numbers(open_page, copied):
    app = open_page(PAGE, data=copied, run="copied")
    recipes = app.session_state["_recipes"]
    assert set(recipes) == {"copying", "film", "loss", "heads forming", "step"}
    for recipe in recipes.values():
        names = {}
        exec(recipe.lines, names)
        found, drawn = names[recipe.variable], recipe.drawn
        if isinstance(drawn, dict):
            assert found == pytest.approx(drawn)
        else:
            np.testing.assert_allclose(found, drawn)


def test_a_run_that_did_not_learn_to_copy_says_so(open_page, tmp_path):
    recipe = get_recipe("induction-live")
    short = recipe.replace(train=recipe.train.replace(max_steps=4).to_dict())
    train_run(RunStore(tmp_path / "runs").create(short, "short"))
    app = open_page(PAGE, data=tmp_path, run="short")
    assert not app.exception
    assert any("did not learn to copy" in m.value for m in app.markdown)
    assert not any("You guessed" in m.value for m in app.markdown)


def test_the_check_of_a_run_on_a_text_is_graded_by_its_own_losses(open_page, tmp_path):
    run = RunStore(tmp_path / "runs").create(RunConfig(), "text")
    write_status(
        run.path,
        RunStatus(
            state="finished", step=9, total_steps=9, vocab_size=60, train_loss=1.4,
            validation_loss=2.1, uniform_loss=4.09, unigram_loss=3.2, bigram_loss=2.4,
        ),
    )  # fmt: skip
    app = open_page(PAGE, data=tmp_path, run="text")
    assert not app.exception
    right = {"ln 60 nats", "bigram", "the text it was trained on"}
    asked = [radio for radio in app.radio if right & set(radio.options)]
    assert len(asked) == 3
    for radio in asked:
        (answer,) = right & set(radio.options)
        radio.set_value(radio.options.index(answer)).run()
    assert sum("✓ Right" in m.value for m in app.markdown) == 3


def test_a_question_without_a_clear_answer_is_not_asked(root_on_path):
    from pages.training.questions import about_a_text

    tie = RunStatus(
        state="finished", vocab_size=60, train_loss=2.41, validation_loss=2.4,
        uniform_loss=4.09, unigram_loss=3.2, bigram_loss=2.41,
    )  # fmt: skip
    assert [q.id for q in about_a_text(tie)] == ["training.unknowable"]
    assert about_a_text(RunStatus(state="finished")) == []


def test_another_recipe_starts_from_its_own_settings(open_page, tmp_path):
    app = open_page(PAGE, data=tmp_path)
    app.button_group(key="recipe").set_value("gpt2").run()
    assert not app.exception
    gpt2 = get_recipe("gpt2")
    found = app.get_by_key("gpt2.model.recipe.positional_encoding")
    assert found.value == gpt2.transformer.positional_encoding
    assert app.number_input(key="gpt2.train.max_steps").value == gpt2.train.max_steps
    app.selectbox(key="tokens.kind").set_value("bpe").run()
    assert not start_button(app).disabled


def test_a_steps_time_is_shown_by_part_with_the_share_of_the_peak(open_page, copied):
    app = open_page(PAGE, data=copied, run="copied")
    run = RunStore(copied / "runs").open("copied")
    found = step_time(run.metrics().records, run.status())
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Share of peak"] == f"{found.share_of_peak:.0%}"
    drawn = app.session_state["_recipes"]["step"].drawn
    assert drawn == found.milliseconds
    assert sum(drawn.values()) == pytest.approx(found.total)
    assert any("6 for each weight" in caption.value for caption in app.caption)


def test_a_run_from_before_steps_were_timed_is_shown_without(open_page, finished):
    app = open_page(PAGE, data=finished, run="first")
    assert not any("step's time" in header.value for header in app.subheader)


def test_a_run_goes_on_from_the_step_that_is_chosen(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_TRAININGS", "1")
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. " * 80)
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}
    train = {"max_steps": 4, "batch_size": 2, "eval_interval": 2, "num_threads": 1}
    store = RunStore(tmp_path / "runs")
    data = {"source": str(text)}
    run = store.create(RunConfig(data=data, transformer=sizes, train=train), "mine")
    train_run(run)
    write_status(run.path, run.status().replace(state="stopped"))
    busy = store.create(RunConfig(), "busy")
    lock = RunLock.acquire(busy.path)
    write_status(busy.path, RunStatus(state="running", pid=1))
    app = open_page(PAGE, data=tmp_path, run="mine")
    steps = app.selectbox(key="resume_step_mine")
    assert (steps.value, steps.options) == (4, ["4", "2"])
    steps.set_value(2).run()
    app.button(key="resume").click().run()
    assert not app.exception
    assert read_ticket(run.path)[1:3] == (True, 2)
    assert "Waiting: 1 run ahead" in "\n".join(each.value for each in app.caption)
    lock.release()
