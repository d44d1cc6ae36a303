import base64
import json
import math
import re
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.generator import Generator
from minigpt.generation.opened_draw import open_draw

PAGE = "pages/generation/generation.py"


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
    assert any("65 tokens" in text.value for text in app.text)
    assert not app.exception


def test_of_a_long_prompt_only_the_end_is_read_once_the_reader_agrees(
    open_page, view, models
):
    app = open_page(PAGE, prompt="b" + "ab " * 30)
    app.checkbox[0].check().run()
    generate(app, seed=2, max_new_tokens=5)
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    config = GenerationConfig(seed=2, max_new_tokens=5)
    cutter = Generator(model, tokenizer, last_only=True)
    tokens = cutter.generate("b" + "ab " * 30, config).tokens
    assert [each["token"] for each in view(app, "token_stream")["steps"]] == tokens


def test_what_the_tokenizer_never_saw_is_said_beside_the_text(open_page):
    app = open_page(PAGE, prompt="the 狐")
    generate(app, max_new_tokens=3)
    assert any("狐" in text.value for text in app.text)


def test_forgetting_the_older_half_is_said(open_page):
    app = open_page(PAGE, prompt="the cat")
    app.toggle(key="generate.stop_at_eos").set_value(False)
    generate(app, max_new_tokens=80, seed=1)
    assert any("the newer half only" in text.value for text in app.text)


def test_a_forced_token_stays_and_the_text_goes_on_from_it(models):
    from pages.frame.writing import Writing
    from viz.components.token_stream.view import Force

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


def opened(models, prompt, config, written=()):
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    tokens, _ = Generator(model, tokenizer).encode_prompt(prompt)
    return open_draw(model, tokens, config, written)


def set_filters(app, **settings):
    for name, value in settings.items():
        app.number_input(key=f"generate.{name}").set_value(value)
    return app.run()


def look_at(app, name):
    return app.button_group(key="generation_view").set_value(name).run()


FILTERS = {
    "temperature": 1.3,
    "repetition_penalty": 1.2,
    "top_k": 20,
    "top_p": 0.8,
    "min_p": 0.05,
    "seed": 4,
}


def test_the_bars_are_the_distribution_after_every_filter(open_page, view, models):
    app = set_filters(open_page(PAGE, prompt="the cat"), **FILTERS)
    shown = view(app, "filter_stages")
    draw = opened(models, "the cat", GenerationConfig(**FILTERS))
    assert [stage["name"] for stage in shown["stages"]] == [
        "model",
        "repetition_penalty",
        "temperature",
        "top_k",
        "top_p",
        "min_p",
    ]
    for packed, stage in zip(shown["stages"], draw.stages, strict=True):
        own = [float(stage.probabilities[token]) for token in shown["tokens"]]
        assert packed["probabilities"] == pytest.approx(own, abs=1e-6)
        assert packed["removed"] == pytest.approx(stage.removed, abs=1e-6)
    assert shown["drawn"] == draw.token
    waits = [float(draw.waits[token]) for token in shown["tokens"]]
    assert shown["race"]["waits"] == pytest.approx(waits)


def test_greedy_shows_no_dice(open_page, view):
    app = open_page(PAGE, prompt="the cat")
    app.button_group(key="strategy").set_value("greedy").run()
    shown = view(app, "filter_stages")
    assert shown["race"] is None
    likeliest = max(shown["stages"][0]["probabilities"])
    assert shown["stages"][0]["probabilities"][
        shown["tokens"].index(shown["drawn"])
    ] == pytest.approx(likeliest)


def test_what_stands_behind_one_prompt_is_not_carried_to_another(
    open_page, view, models
):
    app = set_filters(open_page(PAGE, prompt="the cat"), seed=4)
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    identity = (str(path), "the cat")
    app.session_state["_written"] = (identity, [5, 6])
    assert len(view(app.run(), "filter_stages")["written"]) == 2
    app.text_input(key="prompt").set_value("the dog").run()
    assert view(app, "filter_stages")["written"] == []


def test_two_readers_do_not_see_each_others_text(open_page, view):
    one, other = open_page(PAGE, prompt="the cat"), open_page(PAGE, prompt="a dog")
    generate(one, seed=1, max_new_tokens=6)
    generate(other, seed=2, max_new_tokens=4)
    one.run()
    assert view(one, "token_stream")["prompt"] == "the cat"
    assert len(view(one, "token_stream")["steps"]) == 6
    assert len(view(other, "token_stream")["steps"]) == 4


def test_the_tree_holds_twenty_texts_each_with_its_seed(open_page, view, models):
    app = look_at(open_page(PAGE, prompt="the cat"), "20 continuations")
    set_filters(app, seed=30, max_new_tokens=5)
    app.button(key="grow").click().run()
    branches = view(app, "continuation_tree")["branches"]
    roots = [branch for branch in branches if branch["parent"] is None]
    seeds = sorted(int(seed) for branch in roots for seed in branch["seeds"])
    assert seeds == list(range(30, 50))
    config = GenerationConfig(seed=41, max_new_tokens=5)
    alone = expected(models, "the cat", config)
    way = [branch for branch in branches if "41" in branch["seeds"]]
    text = "".join(branch["piece"] for branch in way) + way[-1]["rest"]
    assert text.replace("·", " ").replace("⏎", "\n") == "".join(alone.pieces)


def test_all_strategies_write_and_a_typical_text_is_shown(open_page, models):
    app = look_at(open_page(PAGE, prompt="the cat"), "all strategies")
    set_filters(app, seed=3, max_new_tokens=6)
    app.button(key="write_all").click().run()
    config = GenerationConfig(
        seed=3, max_new_tokens=6, temperature=1.0, top_k=None, top_p=0.9
    )
    texts = [
        expected(models, "the cat", config.replace(seed=seed)) for seed in range(3, 18)
    ]
    means = [sum(text.log_probs) / len(text.log_probs) for text in texts]
    middle = sorted(range(15), key=means.__getitem__)[7]
    said = [caption.value for caption in app.caption]
    words = f"**top-p 0.9** · a typical text · mean log p −{-means[middle]:.2f}"
    assert any(words in text for text in said)
    assert sum("a typical text" in text for text in said) == 6
    assert sum("its only text" in text for text in said) == 2
    assert any(text.value == texts[middle].text for text in app.text)


def test_a_higher_temperature_writes_less_likely_texts(open_page):
    shipped = Path(__file__).parents[3] / "data"
    app = open_page(PAGE, data=shipped, model="tales", prompt="One day Mia")
    look_at(app, "all strategies")
    set_filters(app, seed=1, max_new_tokens=8)
    app.button(key="write_all").click().run()
    recipe = app.session_state["_recipes"]["strategies"]
    names = ("temperature 0.7", "temperature 1.0", "temperature 1.3")
    medians = [median(recipe.drawn[name]) for name in names]
    assert medians == sorted(medians, reverse=True)


def test_the_cache_is_the_models_own_and_weighs_what_is_said(open_page, view, models):
    app = look_at(open_page(PAGE, prompt="the cat", head="1"), "the cache")
    assert not app.exception
    shown = view(app, "cache_growth")
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    tokens = tokenizer.encode("the cat")
    assert len(shown["pieces"]) == len(tokens)
    _, hooks = model.run_with_cache(torch.tensor([tokens]))
    for layer, packed in enumerate(shown["values"]):
        own = hooks["v", layer][0, :, 1].T.detach()  # [d_head pos]
        levels = np.frombuffer(base64.b64decode(packed), np.uint8).astype(int) - 127
        assert levels.reshape(own.shape) == pytest.approx(
            (127 * own / own.abs().max()).numpy(), abs=0.51
        )
    cache = model.new_cache(1, len(tokens))
    own = sum(buffer.untyped_storage().nbytes() for buffer in cache.buffers)
    assert shown["bytesPerToken"] * len(tokens) == own
    numbers = [int(each) for each in re.findall(r"\d+", shown["arithmetic"])]
    assert math.prod(numbers) == shown["bytesPerToken"]


def test_the_code_of_the_cache_gives_the_keys_drawn(open_page):
    app = look_at(open_page(PAGE, prompt="the 'cat'"), "the cache")
    recipe = app.session_state["_recipes"]["the cache"]
    names: dict[str, object] = {}
    exec(recipe.lines, names)
    assert names[recipe.variable] == pytest.approx(recipe.drawn, abs=1e-5)


def test_an_mlp_has_no_keys_and_values_to_keep(open_page):
    app = look_at(open_page(PAGE, model="mlp", prompt="the cat"), "the cache")
    assert any("no keys and values" in text.value for text in app.text)
    assert not app.exception


def test_the_settings_are_in_the_address(open_page, view):
    link = {"generate.temperature": "0.6", "generate.top_p": "0.4"}
    app = open_page(PAGE, prompt="the cat", **link, **{"generate.seed": "8"})
    titles = [each["title"] for each in view(app, "filter_stages")["chain"]]
    assert {"temperature 0.6", "top-p 0.4"} <= set(titles)
    assert app.number_input(key="generate.seed").value == 8
    other = open_page(PAGE, prompt="the cat", strategy="greedy")
    assert view(other, "filter_stages")["race"] is None


def test_the_view_is_in_the_address(open_page, view):
    app = open_page(PAGE, prompt="the cat", generation_view="the cache")
    assert view(app, "cache_growth")


def write_prompts(app, prompts):
    look_at(app, "many prompts")
    app.text_area(key="prompts_typed").set_value(prompts).run()
    return app


def test_a_list_of_prompts_becomes_a_table(open_page, models):
    app = write_prompts(open_page(PAGE, prompt="x"), "the cat\n\n<b>*a*</b>\n")
    set_filters(app, seed=3, max_new_tokens=6)
    app.button(key="continue_all").click().run()
    finish(app)
    table = app.dataframe[0].value
    assert list(table["prompt"]) == ["the cat", "<b>*a*</b>"]
    config = GenerationConfig(seed=3, max_new_tokens=6)
    assert table["continuation"][0] == expected(models, "the cat", config).text
    assert {each.label for each in app.get("download_button")} >= {"CSV", "JSON lines"}


def test_ten_thousand_prompts_are_cut_and_that_is_said(open_page):
    app = write_prompts(open_page(PAGE), "a\n" * 10_000)
    assert any("9800 are left out" in text.value for text in app.text)


def test_without_prompts_the_button_waits(open_page):
    app = look_at(open_page(PAGE), "many prompts")
    assert app.button(key="continue_all").disabled


def test_a_file_that_is_no_text_is_refused_in_place(open_page):
    app = look_at(open_page(PAGE), "many prompts")
    app.button_group(key="prompts_from").set_value("upload").run()
    app.file_uploader(key="prompts_file").upload(
        "prompts.txt", b"caf\xe9", "text/plain"
    ).run()
    assert any("not UTF-8" in text.value for text in app.text)
    assert not app.exception


VIEWS = {
    "one token": None,
    "20 continuations": "grow",
    "all strategies": "write_all",
    "a text": "generate",
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_code_of_every_view_gives_the_numbers_drawn(name, open_page):
    app = set_filters(open_page(PAGE, prompt="the 'cat'"), **FILTERS)
    set_filters(app, max_new_tokens=7)
    look_at(app, name)
    if VIEWS[name] is not None:
        app.button(key=VIEWS[name]).click().run()
        finish(app)
    recipes = dict(app.session_state["_recipes"])
    assert len(recipes) == 1
    for recipe in recipes.values():
        names: dict[str, object] = {}
        exec(recipe.lines, names)
        found = names[recipe.variable]
        assert list(map(str, found)) == list(recipe.drawn)
        for mine, drawn in zip(found.values(), recipe.drawn.values(), strict=True):
            mine = mine.tolist() if hasattr(mine, "tolist") else mine
            assert mine == pytest.approx(drawn, abs=1e-4)


@pytest.mark.parametrize("prompt", ["", "a", "<b>*x*</b> $y$ `z`", "the 狐"])
@pytest.mark.parametrize("name", VIEWS)
def test_no_prompt_breaks_a_view(name, prompt, open_page):
    app = look_at(open_page(PAGE, prompt=prompt or "x"), name)
    app.text_input(key="prompt").set_value(prompt)
    set_filters(app, max_new_tokens=3)
    if VIEWS[name] is not None:
        app.button(key=VIEWS[name]).click().run()
        finish(app)
    assert not app.exception
    assert not any("Something broke" in text.value for text in app.text)


def test_the_questions_are_graded_by_this_distribution(open_page, models):
    app = open_page(PAGE, prompt="the cat")
    draw = opened(models, "the cat", GenerationConfig())
    predicted, *asked = app.radio
    p = float(draw.stages[0].probabilities.max())
    assert p < 0.1
    predicted.set_value(0).run()
    said = " ".join(each.value.replace("\\", "") for each in app.markdown)
    assert f"✓ Right.** The model gives it a probability of {p:.3f}" in said
    assert len(asked) == 3
    kept = draw.under(GenerationConfig(temperature=1.0, top_k=None, top_p=0.9)).kept
    assert str(kept) in asked[1].options
    assert all(len(radio.options) >= 2 for radio in app.radio)
