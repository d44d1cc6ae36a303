"""The race of two recipes: what is chosen, what is shown, what is found again."""

import json

import pytest

from minigpt.config import get_recipe
from minigpt.config.ingredients import differences
from minigpt.runs import RunStore
from minigpt.runs.race_results import current_result, final_result, lane
from minigpt.worker.racing import racing_config
from minigpt.worker.worker import train_run

PAGE = "pages/training/training.py"
SMALL = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16}


def open_race(open_page, data):
    app = open_page(PAGE, data=data)
    (aim,) = (group for group in app.button_group if group.key == "aim")
    return aim.set_value(aim.options[2]).run()


def told(app):
    return " ".join(markdown.value for markdown in app.markdown)


def start_button(app):
    return next(button for button in app.button if button.label == "Start the race")


def test_the_default_races_gpt2_and_every_difference_has_a_switch(open_page, tmp_path):
    app = open_race(open_page, tmp_path)
    assert not app.exception
    assert not start_button(app).disabled
    found = differences(get_recipe("default"), get_recipe("gpt2"))
    switches = {t.label for t in app.toggle if t.key.startswith("race.default.gpt2.")}
    assert switches == {difference.ingredient.name for difference in found}
    for difference in found:
        assert difference.ingredient.why in told(app)


def test_what_is_switched_off_is_as_the_second_has_it(open_page, tmp_path):
    app = open_race(open_page, tmp_path)
    assert told(app).count("`gelu`") == 1
    app.toggle(key="race.default.gpt2.activation").set_value(False).run()
    assert told(app).count("`gelu`") == 2


def test_any_two_recipes_may_race_also_one_against_itself(open_page, tmp_path):
    app = open_race(open_page, tmp_path)
    app.selectbox(key="race_First").set_value("speedrun").run()
    assert not app.exception
    assert "race.speedrun.gpt2.token shift" in {toggle.key for toggle in app.toggle}
    app.selectbox(key="race_Second").set_value("speedrun").run()
    assert any("against itself" in caption.value for caption in app.caption)
    assert not start_button(app).disabled


def test_without_a_text_nothing_starts(open_page, tmp_path):
    app = open_race(open_page, tmp_path)
    app.button_group(key="source").set_value("paste").run()
    assert start_button(app).disabled
    assert "Choose a text first" in start_button(app).help


@pytest.fixture(scope="session")
def raced(tmp_path_factory):
    """Return a data directory with a finished race, run one after the other."""
    data = tmp_path_factory.mktemp("raced")
    store = RunStore(data / "runs")
    like = get_recipe("default")
    like = like.replace(data=like.data.replace(tales_megabytes=0.02).to_dict())
    for place, (name, steps) in enumerate((("default", 30), ("gpt2", 20))):
        recipe = get_recipe(name)
        recipe = recipe.replace(
            transformer=recipe.transformer.replace(**SMALL).to_dict(),
            train=recipe.train.replace(batch_size=4).to_dict(),
        )
        run = store.create(racing_config(recipe, like, steps), name)
        ticket = {"race": "race-1", "lane": place}
        (run.path / "race.json").write_text(json.dumps(ticket), encoding="utf-8")
        train_run(run)
    return data


def lanes_of(data):
    store = RunStore(data / "runs")
    return [
        lane(store.open(name).metrics().records, finished=True)
        for name in ("default", "gpt2")
    ]


@pytest.mark.parametrize("run", ["default", "gpt2"])
def test_either_run_in_the_url_finds_the_whole_race_again(open_page, raced, run):
    app = open_page(PAGE, data=raced, run=run)
    assert not app.exception
    steps = [metric.value for metric in app.metric if metric.label == "Step"]
    assert steps == ["30 / 30", "20 / 20"]
    ended = final_result(*lanes_of(raced))
    if ended.leader is None:
        assert "A tie" in told(app)
    else:
        assert f"{('default', 'gpt2')[ended.leader]} won" in told(app)
        for loss in ended.losses:
            assert f"{loss:.3f}" in told(app)


def test_one_of_the_two_can_be_watched_alone(open_page, raced):
    app = open_page(PAGE, data=raced, run="gpt2", watch="this run alone")
    assert not app.exception
    assert any(header.value == "Heads forming" for header in app.subheader)


def test_the_code_rebuilds_both_curves(open_page, raced):
    app = open_page(PAGE, data=raced, run="default")
    recipe = app.session_state["_recipes"]["race"]
    names = {}
    exec(recipe.lines, names)
    assert names[recipe.variable] == recipe.drawn
    assert [len(curve) for curve in recipe.drawn] == [30, 20]


def test_the_check_is_graded_by_the_two_journals(open_page, raced):
    app = open_page(PAGE, data=raced, run="default")
    (asked,) = (r for r in app.radio if "After the same" in r.label)
    same = current_result(*lanes_of(raced), by="tokens")
    asked.set_value(2 if same.leader is None else same.leader).run()
    assert any("✓ Right" in markdown.value for markdown in app.markdown)


def test_compare_opens_with_both_models(open_page, raced):
    app = open_page(PAGE, data=raced, run="default")
    app.button(key="compare_race").click().run()
    assert not app.exception
    assert app.selectbox(key="model").value == "default"
    assert app.selectbox(key="against").value == "gpt2"


def test_a_race_whose_other_run_was_deleted_is_an_ordinary_run(open_page, raced):
    (raced / "runs/default").rename(raced / "elsewhere")
    try:
        app = open_page(PAGE, data=raced, run="gpt2")
        assert not app.exception
        assert any(header.value == "Heads forming" for header in app.subheader)
    finally:
        (raced / "elsewhere").rename(raced / "runs/default")
