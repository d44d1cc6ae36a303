"""What every page shares: the place, the prompt, the step, the words, the source."""

import inspect
import shutil
from pathlib import Path

import pytest

from minigpt.model import CausalAttention

EXPLORER = "pages/head_explorer/head_explorer.py"
SHIPPED = Path(__file__).parents[3] / "data/models/tales"


def texts(app) -> str:
    return "\n".join(each.value for each in app.text)


def place(app) -> tuple[int, int, int]:
    return tuple(app.number_input(key=key).value for key in ("layer", "head", "token"))


def test_a_prompt_too_long_is_cut_only_when_the_reader_agrees(open_page):
    app = open_page(EXPLORER, prompt="a" * 65)
    assert "65 tokens" in texts(app)
    app.checkbox[0].check().run()
    assert "65 tokens" not in texts(app)
    assert app.number_input(key="token").value == 63


def test_agreeing_belongs_to_one_prompt(open_page):
    app = open_page(EXPLORER, prompt="a" * 65)
    app.checkbox[0].check().run()
    app.text_input(key="prompt").set_value("b" * 70).run()
    assert "70 tokens" in texts(app)
    assert not app.checkbox[0].value


def test_agreeing_is_kept_from_page_to_page_and_can_be_withdrawn(open_page):
    app = open_page(EXPLORER, prompt="a" * 65)
    app.checkbox[0].check().run()
    app.switch_page("pages/attention/attention.py").run()
    assert "65 tokens" not in texts(app)
    app.switch_page(EXPLORER).run()
    app.checkbox[0].uncheck().run()
    assert "65 tokens" in texts(app)


@pytest.mark.parametrize("prompt", ["a", "*b* <i>$x$</i> ![](x)"])
def test_short_and_marked_up_prompts_are_read_as_they_are(prompt, open_page, view):
    app = open_page(EXPLORER, prompt=prompt)
    assert not app.exception
    assert app.number_input(key="token").value == len(prompt) - 1


def test_the_time_machine_goes_a_step_back_and_on(open_page):
    app = open_page(EXPLORER, prompt="the cat")
    slider = app.select_slider(key="step")
    assert (slider.options, slider.value) == (["0", "10", "100"], 100)
    app.button(key="step_back_sidebar").click().run()
    assert app.session_state["step"] == 10
    app.button(key="step_on_sidebar").click().run()
    assert app.session_state["step"] == 100
    assert app.button(key="step_on_sidebar").disabled


def test_playing_begins_at_the_first_step_and_stops_when_touched(open_page):
    app = open_page(EXPLORER, prompt="the cat")
    app.button(key="step_play_sidebar").click().run()
    assert app.session_state["step"] == 0
    assert app.session_state["_playing"]
    app.number_input(key="layer").set_value(1).run()
    assert not app.session_state["_playing"]
    assert app.session_state["step"] == 0


def test_present_mode_keeps_a_way_through_the_steps(open_page):
    app = open_page(EXPLORER, prompt="the cat", present="1")
    app.button(key="step_back_present").click().run()
    assert app.session_state["step"] == 10
    assert "step 10" in texts(app)


def test_a_model_of_one_step_has_no_time_machine(open_page):
    app = open_page(model="mlp")
    assert not app.select_slider
    assert not [button for button in app.button if str(button.key).startswith("step_")]
    assert not app.exception


def test_the_glossary_finds_a_word_by_its_name_its_sense_or_its_hook(root_on_path):
    from pages.frame.glossary import search

    assert search("nats")[0].name == "nats"
    assert [term.name for term in search("hook_pattern")] == ["pattern"]
    assert search("")
    assert not search("no such word")


def test_the_glossary_says_two_sentences_each_and_names_only_what_there_is(
    root_on_path,
):
    import minigpt
    from minigpt.model import TransformerLM
    from pages.frame.glossary_terms import TERMS

    model = TransformerLM(d_model=8, num_heads=2, num_layers=1)
    rope = TransformerLM(
        d_model=8, num_heads=2, num_layers=1, positional_encoding="rope"
    )
    hooks = {*model.hook_points, *rope.hook_points}
    assert len(TERMS) >= 40
    assert [t.name.casefold() for t in TERMS] == sorted(
        t.name.casefold() for t in TERMS
    )
    for term in TERMS:
        assert term.words.count(". ") + term.words.count("? ") == 1, term.name
        if "hook_" in term.where:
            assert term.where.replace("{i}", "0") in hooks
        elif term.where.startswith("minigpt."):
            assert resolve(minigpt, term.where), term.where


def resolve(package, dotted: str) -> object:
    """Find what a dotted name means: a module, or something in one."""
    import importlib

    module, name = dotted, ""
    while True:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            name = f"{last}.{name}".strip(".")
            continue
        for part in filter(None, name.split(".")):
            found = getattr(found, part)
        return found


def lesson_page() -> None:
    from minigpt.model import CausalAttention
    from pages.frame import lesson

    lesson.open("Title", "One goal.")
    lesson.explain("What there is to see.", CausalAttention, CausalAttention.forward)


def test_a_lesson_shows_the_real_source_and_where_it_stands(root_on_path):
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(lesson_page).run()
    assert not app.exception
    assert app.title[0].value == "Title"
    assert not app.code  # closed, it costs the browser nothing
    app.session_state["lesson_source"] = True
    app.run()
    shown = app.code[0].value
    assert shown.strip() == inspect.getsource(CausalAttention).strip()
    line = inspect.getsourcelines(CausalAttention)[1]
    assert app.caption[0].value == f"`minigpt/model/attention.py:{line}`"
    assert "def forward" in app.code[1].value.splitlines()[0]


def test_held_out_text_is_of_the_model_that_is_asked_not_of_the_one_chosen(
    models, monkeypatch, root_on_path
):
    from minigpt.checkpoint import load_checkpoint
    from minigpt.interpret.corpora import held_out
    from pages.frame import corpora

    monkeypatch.setenv("MINIGPT_DATA", str(models))
    for path in (models / "models/glass/checkpoints/checkpoint_step_100", SHIPPED):
        checkpoint = load_checkpoint(path)
        model, tokenizer, metadata = checkpoint
        length = min(corpora.LONGEST, model.config.max_seq_len)
        expected = held_out(metadata, tokenizer, length, 4)
        found = corpora.held_out_text(checkpoint, 4)
        assert found.windows.tolist() == expected.windows.tolist()


def test_a_formula_waits_in_words_until_it_is_wanted(open_page, monkeypatch):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    page = "pages/generation/generation.py"
    app = open_page(page, prompt="the red kite")
    assert not app.latex, "a formula before the prediction"
    monkeypatch.setenv("MINIGPT_COVER", "off")
    app = open_page(page, prompt="the red kite")
    (box,) = (each for each in app.expander if each.label == "As a formula")
    assert not box.proto.expanded
    assert r"e^{\ell_i / T}" in box.latex[0].value
    assert "*T* the temperature" in box.markdown[0].value


def test_numbers_of_the_address_that_no_field_can_take_are_said(open_page):
    app = open_page(EXPLORER, layer="1e309", head="9" * 400, token="-inf")
    said = texts(app)
    assert "Something broke" not in said
    for key, word in (("layer", "1e309"), ("head", "9" * 20), ("token", "-inf")):
        assert f"There is no {key} '{word}' here." in said


def test_a_chosen_model_that_is_deleted_elsewhere_is_said_to_be_gone(
    open_page, models, tmp_path
):
    shutil.copytree(models, tmp_path / "data")
    app = open_page(EXPLORER, data=tmp_path / "data", model="mlp")
    assert "not here any more" not in texts(app)
    shutil.rmtree(tmp_path / "data/models/mlp")
    app.run()
    assert "The model 'mlp' is not here any more" in texts(app)
    assert app.selectbox(key="model").value == "glass"
    app.selectbox(key="model").set_value("glass").run()
