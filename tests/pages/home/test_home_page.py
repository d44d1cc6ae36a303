import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint

PROMPT = "Once upon"


def texts(app):
    return [text.value for text in app.text]


@pytest.fixture
def loaded(models):
    return load_checkpoint(models / "models/glass/checkpoints/checkpoint_step_100")


def run(loaded, prompt):
    tokens = torch.tensor([loaded.tokenizer.encode(prompt)])
    with torch.inference_mode():
        logits, cache = loaded.model.run_with_cache(tokens)
    return logits[0], {name: value[0] for name, value in cache.items()}


def test_every_road_is_as_wide_as_its_stream_is_long(open_page, view, loaded):
    app = open_page(prompt=PROMPT)
    _, cache = run(loaded, PROMPT)
    stages = view(app, "journey")["stages"]
    kinds = ["embedding", "attention", "MLP", "attention", "MLP"]
    assert [stage["kind"] for stage in stages] == kinds
    for stage in stages:
        for norms, name in (("added", "addedName"), ("stream", "streamName")):
            expected = cache[stage[name]].norm(dim=-1)
            np.testing.assert_allclose(stage[norms], expected, rtol=1e-4)


def test_what_comes_next_is_the_models_own(open_page, view, loaded):
    app = open_page(prompt=PROMPT)
    probabilities = run(loaded, PROMPT)[0][-1].softmax(-1)
    shown = view(app, "journey")["next"]
    assert shown[0]["share"] == pytest.approx(float(probabilities.max()), abs=1e-6)
    for candidate in shown:
        expected = float(probabilities[candidate["token"]])
        assert candidate["share"] == pytest.approx(expected, abs=1e-6)


def test_lines_into_attention_are_the_mean_of_its_heads(open_page, view, loaded):
    app = open_page(prompt=PROMPT)
    _, cache = run(loaded, PROMPT)
    mean = cache["blocks.1.attn.hook_pattern"].mean(0)
    reads = view(app, "journey")["stages"][3]["reads"]
    assert len(reads) == int((mean >= 0.05).sum())
    for query, key, weight in reads:
        assert weight == pytest.approx(float(mean[query, key]), abs=1e-4)


def test_the_token_in_the_url_is_the_one_with_numbers(open_page, view):
    assert view(open_page(prompt=PROMPT, token="2"), "journey")["selected"] == 2
    default = view(open_page(prompt=PROMPT), "journey")
    assert default["selected"] == len(default["pieces"]) - 1


def test_the_code_rebuilds_the_roads(open_page, view):
    app = open_page(prompt=PROMPT)
    recipe = app.session_state["_recipes"]["journey"]
    names = {}
    exec(recipe.lines, names)
    shown = [stage["stream"] for stage in view(app, "journey")["stages"]]
    np.testing.assert_allclose(names[recipe.variable].detach(), shown, rtol=1e-4)


def test_a_model_without_roads_says_so_and_answers(open_page, view, models):
    app = open_page(model="mlp", prompt="the cat")
    assert any("no path to follow" in text for text in texts(app))
    shown = view(app, "next_tokens")["candidates"]
    model, tokenizer, _ = load_checkpoint(models / "models/mlp")
    with torch.inference_mode():
        logits = model(torch.tensor([tokenizer.encode("the cat")]))
    probabilities = logits[0, -1].softmax(-1)
    for candidate in shown:
        expected = float(probabilities[candidate["token"]])
        assert candidate["probability"] == pytest.approx(expected, abs=1e-6)


def test_check_knows_which_road_predicts_and_which_part_adds_most(open_page, view):
    app = open_page(prompt="Mia")
    last = [stage["added"][-1] for stage in view(app, "journey")["stages"][1:]]
    assert np.argmax(last) == 2
    right = {
        "ends in a guess": "a token that is not in the text yet",
        "Which part": "attention of block 1",
    }
    for words, answer in right.items():
        radio = next(each for each in app.radio if words in each.label)
        app = radio.set_value(radio.options.index(answer)).run()
    assert sum("Right" in markdown.value for markdown in app.markdown) == 2


def test_what_the_tokenizer_never_saw_is_said_in_place(open_page):
    app = open_page(prompt="the 狐 cat")
    assert any("狐" in text for text in texts(app))


def test_markup_in_a_prompt_stays_text(open_page, view):
    evil = "![x](http://evil.example/x.png) $a$ *b*"
    app = open_page(prompt=evil)
    assert not any("evil" in markdown.value for markdown in app.markdown)
    assert not any("evil" in caption.value for caption in app.caption)
    assert "evil.example" in "".join(view(app, "journey")["pieces"])


def test_one_token_has_a_road_of_its_own(open_page, view):
    app = open_page(prompt="a")
    assert not app.exception
    assert view(app, "journey")["pieces"] == ["a"]


def test_an_empty_prompt_is_said_and_the_course_stays(open_page):
    app = open_page()
    app.text_input(key="prompt").set_value("").run()
    assert any("prompt is empty" in text for text in texts(app))
    assert len(app.get("page_link")) > 4


def test_of_a_long_prompt_the_end_is_read_if_the_reader_agrees(open_page, view):
    app = open_page(prompt="a" * 60 + "the cat")
    assert any("max_seq_len = 64" in text for text in texts(app))
    app.checkbox[0].check().run()
    shown = view(app, "journey")
    assert len(shown["pieces"]) == 64
    assert "".join(shown["pieces"]).endswith("the·cat")


def test_an_unknown_model_in_the_url_is_said_and_another_is_used(open_page, view):
    app = open_page(model="glas")
    problem = next(text for text in texts(app) if "glas" in text)
    assert "no model 'glas'" in problem
    assert "'glass'" in problem
    assert view(app, "journey")["next"]


def test_an_empty_data_directory_says_what_to_do(tmp_path, open_page):
    app = open_page(data=tmp_path)
    assert any("Train one on the Training page" in text for text in texts(app))


def test_home_begins_with_a_text_whose_next_token_the_model_knows(
    open_page, root_on_path
):
    data = root_on_path / "data"
    app = open_page(data=data, model="glass")
    prompt = app.text_input(key="prompt").value
    caption = next(c.value for c in app.caption if "did not learn from" in c.value)
    model, tokenizer, _ = load_checkpoint(data / "models" / "glass")
    with torch.inference_mode():
        rows = model(torch.tensor([tokenizer.encode(prompt)]))[0].softmax(-1)
    assert f"probability {float(rows[-1].max()):.3f};" in caption
    app.text_input(key="prompt").set_value("the cat").run()
    assert app.text_input(key="prompt").value == "the cat"


def test_the_number_traced_makes_a_probability_of_the_sheet(open_page, view, loaded):
    app = open_page(prompt=PROMPT, token="4")
    logits = run(loaded, PROMPT)[0][4]
    best = int(logits.argmax())
    line = next(code.value for code in app.code if code.value.startswith("logits["))
    assert line.startswith(f"logits[0, 4, {best}] = ")
    share = float(logits.softmax(-1)[best])
    assert any(f"probability {share:.3f}" in c.value for c in app.caption)
