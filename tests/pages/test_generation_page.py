import json

import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.generator import Generator

PAGE = "pages/write/generation.py"


def generate(app, **settings):
    for name, value in settings.items():
        app.number_input(key=f"generate.{name}").set_value(value)
    app.run()
    app.button(key="generate").click().run()
    return finish(app)


def finish(app):
    for _ in range(50):  # each run writes for a moment
        if not any(button.label == "Stop" for button in app.button):
            return app
        app.run()
    raise AssertionError("it never ended")


def expected(models, prompt, config):
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    return Generator(model, tokenizer).generate(prompt, config)


def test_the_text_is_what_the_generator_writes_with_these_settings(
    open_page, view, models
):
    app = open_page(PAGE, prompt="the cat")
    generate(app, seed=7, max_new_tokens=12, temperature=1.3, top_k=9)
    config = GenerationConfig(seed=7, max_new_tokens=12, temperature=1.3, top_k=9)
    steps = view(app, "token_stream")["steps"]
    assert [step["token"] for step in steps] == expected(
        models, "the cat", config
    ).tokens


def test_each_tokens_probability_is_the_models_own(open_page, view, models):
    app = open_page(PAGE, prompt="the cat")
    generate(app, seed=1, max_new_tokens=5)
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    tokens = tokenizer.encode("the cat")
    for step in view(app, "token_stream")["steps"]:
        with torch.inference_mode():
            probabilities = model(torch.tensor([tokens]))[0, -1].softmax(-1)
        own = float(probabilities[step["token"]])
        assert step["probability"] == pytest.approx(own, abs=1e-5)
        tokens.append(step["token"])


def test_greedy_offers_no_setting_that_only_draws(open_page):
    app = open_page(PAGE)
    app.button_group(key="strategy").set_value("greedy").run()
    names = {each.key.removeprefix("generate.") for each in app.number_input}
    assert names == {"max_new_tokens", "repetition_penalty"}


def test_beam_search_shows_the_likeliest_text_and_the_way_to_its_tree(
    open_page, models
):
    app = open_page(PAGE, prompt="the cat")
    app.button_group(key="strategy").set_value("beam").run()
    generate(app, max_new_tokens=6, num_beams=3)
    config = GenerationConfig(strategy="beam", max_new_tokens=6, num_beams=3)
    assert app.code[0].value == expected(models, "the cat", config).full_text
    assert app.get("page_link")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"top_p": 0.0}, "top_p is 0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0"),
    ],
)
def test_a_setting_out_of_range_is_said_in_place(open_page, settings, words):
    app = open_page(PAGE)
    for name, value in settings.items():
        app.number_input(key=f"generate.{name}").set_value(value)
    app.run()
    assert any(words in text.value for text in app.text)


def test_a_prompt_longer_than_the_window_is_said_in_place(open_page):
    app = open_page(PAGE, prompt="a" * 65)
    generate(app, max_new_tokens=3)
    assert any("65 tokens" in text.value for text in app.text)


def test_what_the_tokenizer_never_saw_is_said_beside_the_text(open_page):
    app = open_page(PAGE, prompt="the 狐")
    generate(app, max_new_tokens=3)
    assert any("狐" in text.value for text in app.text)


def test_forgetting_the_older_half_is_said(open_page):
    app = open_page(PAGE, prompt="the cat")
    app.toggle(key="generate.stop_at_eos").set_value(False)
    generate(app, max_new_tokens=80, seed=1)
    assert any("forgot the older" in text.value for text in app.text)


def test_a_forced_token_stays_and_the_text_goes_on_from_it(models):
    from pages.frame.writing import Writing
    from viz.components.token_stream import Force

    path = models / "models/glass/checkpoints/checkpoint_step_100"
    config = GenerationConfig(seed=3, max_new_tokens=8, stop_at_eos=False)
    writing = Writing(load_checkpoint(path), "the cat", config)
    while not writing.done:
        writing.advance()
    other = writing.steps[4].top_tokens[-2]
    again = writing.forced(Force(step=4, token=other))
    while not again.done:
        again.advance()
    before = [step.token for step in writing.steps[:4]]
    assert [step.token for step in again.steps[:5]] == [*before, other]
    assert len(again.steps) == 8


def test_an_mlp_writes_too(open_page, view):
    app = open_page(PAGE, model="mlp", prompt="the cat")
    generate(app, max_new_tokens=4)
    assert len(view(app, "token_stream")["steps"]) >= 1
    json.dumps(view(app, "token_stream"))
