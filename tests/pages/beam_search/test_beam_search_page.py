"""The page of beam search: what it shows is the search's own."""

import json
import math
import re

import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation import beam_search
from minigpt.generation.beam.exhaustive import best_of_all, count_texts
from minigpt.generation.beam.paths import greedy_text
from minigpt.model import TransformerLM

PAGE = "pages/beam_search/beam_search.py"
PROMPT = "the cat"


@pytest.fixture
def glass(models):
    """Return the model under test, its tokenizer and the prompt's tokens."""
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    return model.eval(), tokenizer, tokenizer.encode(PROMPT)


def settings(**changes) -> GenerationConfig:
    given = {"num_beams": 3, "max_new_tokens": 8, **changes}
    return GenerationConfig(strategy="beam", **given)


def texts_of(app):
    """Return the table of whole texts."""
    return next(
        each.value for each in app.dataframe if "found by" in each.value.index.names
    )


def words_of(app) -> str:
    words = " ".join(each.value for each in (*app.text, *app.caption, *app.markdown))
    return words.replace("\\", "")


def test_every_candidate_in_the_tree_is_the_searchs(open_page, view, glass):
    model, tokenizer, tokens = glass
    app = open_page(PAGE, prompt=PROMPT)
    assert not app.exception
    shown = view(app, "beam_tree")
    result = beam_search(model, tokens, settings(), tokenizer.eos_id)
    for candidate, drawn in zip(result.candidates, shown["nodes"], strict=False):
        assert drawn["parent"] == candidate.parent
        assert drawn["status"] == candidate.status
        for name, value in (
            ("logProb", candidate.log_prob),
            ("sum", candidate.cumulative),
            ("score", candidate.score),
        ):
            assert float(drawn[name].replace("−", "-")) == pytest.approx(
                value, abs=0.0051
            )
    best = [node.id for node in result.path(result.returned[0])]
    assert shown["paths"]["best"] == best
    greedy = greedy_text(model, tokens, settings(), tokenizer.eos_id)
    drawn = [shown["nodes"][each]["piece"] for each in shown["paths"]["greedy"]]
    assert len(drawn) == len(greedy.tokens)
    assert len(shown["captions"]) == 8


def test_the_texts_and_their_sums_are_the_models_own(open_page, glass):
    model, tokenizer, tokens = glass
    app = open_page(PAGE, prompt=PROMPT)
    table = texts_of(app)
    result = beam_search(model, tokens, settings(), tokenizer.eos_id)
    greedy = greedy_text(model, tokens, settings(), tokenizer.eos_id)
    for text, total in zip([*result.sequences, greedy], table["sum"], strict=False):
        read = torch.tensor([[*tokens, *text.tokens]])
        with torch.inference_mode():
            log_p = model(read)[0].log_softmax(-1)
        own = sum(
            float(log_p[len(tokens) - 1 + place, token])
            for place, token in enumerate(text.tokens)
        )
        assert total == pytest.approx(own, abs=1e-4)
    assert list(table.index)[:4] == ["beam #1", "beam #2", "beam #3", "greedy"]


@pytest.mark.parametrize("width", [1, 4])
def test_the_best_of_all_is_marked_and_said_to_be_found_or_missed(
    width, open_page, view, glass
):
    model, tokenizer, tokens = glass
    config = settings(num_beams=width, max_new_tokens=2)
    app = open_page(PAGE, prompt=PROMPT, width=str(width), tokens="2")
    found = beam_search(model, tokens, config, tokenizer.eos_id).sequences[0]
    best = best_of_all(model, tokens, config, tokenizer.eos_id, found).text
    assert texts_of(app)["sum"].iloc[-1] == pytest.approx(best.cumulative, abs=1e-4)
    path = view(app, "beam_tree")["paths"]["exhaustive"]
    assert len(path) == 2
    missed = best.tokens != found.tokens
    assert ("missed the best of all" in words_of(app)) == missed
    count = count_texts(tokenizer.vocab_size, 2, can_end=True)
    assert f"{count:,}" in words_of(app)


def test_a_search_of_all_texts_that_takes_too_long_is_offered_not_begun(open_page):
    app = open_page(PAGE, prompt=PROMPT, tokens="8")
    assert "not known" in words_of(app)
    assert "8 tokens" in words_of(app)
    app.button(key="look_further").click().run()
    assert not app.exception
    # This model knows nothing: all texts are alike, and far too many.
    assert "too many to read" in words_of(app)


def test_settings_reach_the_search(open_page, glass):
    model, tokenizer, tokens = glass
    app = open_page(PAGE, prompt=PROMPT)
    for key, value in (
        ("width", 5),
        ("tokens", 4),
        ("length_penalty", 0.5),
        ("repetition", 1.3),
    ):
        app.number_input(key=key).set_value(value)
    app.toggle(key="early_stopping").set_value(True)
    app.run()
    config = settings(
        num_beams=5,
        max_new_tokens=4,
        length_penalty=0.5,
        repetition_penalty=1.3,
        early_stopping=True,
    )
    result = beam_search(model, tokens, config, tokenizer.eos_id)
    table = texts_of(app)
    scores = [sequence.score for sequence in result.sequences]
    assert list(table["score"])[:5] == pytest.approx(scores, abs=1e-5)


def test_the_ratio_of_the_two_sums_is_computed_live(open_page, glass):
    model, tokenizer, tokens = glass
    app = open_page(PAGE, prompt=PROMPT, width="8")
    config = settings(num_beams=8)
    best = beam_search(model, tokens, config, tokenizer.eos_id).sequences[0]
    greedy = greedy_text(model, tokens, config, tokenizer.eos_id)
    gain = best.cumulative - greedy.cumulative
    if gain <= 0:
        pytest.skip("greedy is best on this prompt")
    assert f"{math.exp(gain):.2f} times as likely" in words_of(app)


def test_width_one_is_greedy_and_says_so(open_page):
    app = open_page(PAGE, prompt=PROMPT, width="1")
    assert "greedy’s own" in words_of(app)
    table = texts_of(app)
    assert table.loc["beam #1", "text"] == table.loc["greedy", "text"]


def test_a_prompt_is_offered_on_which_greedy_begins_wrongly(open_page, glass):
    model, tokenizer, _ = glass
    app = open_page(PAGE, prompt=PROMPT)
    app.button(key="better_prompt").click().run()
    assert not app.exception
    prompt = app.session_state["prompt"]
    if prompt == PROMPT:
        assert "greedy starts well" in words_of(app)
        return
    tokens = tokenizer.encode(prompt)
    best = beam_search(model, tokens, settings(), tokenizer.eos_id).sequences[0]
    greedy = greedy_text(model, tokens, settings(), tokenizer.eos_id)
    assert best.tokens[0] != greedy.tokens[0]
    assert best.cumulative > greedy.cumulative


@pytest.mark.parametrize(
    "prompt", ["", "a", "**b** <script>alert(1)</script> $x$", "the 狐", "a" * 64]
)
@pytest.mark.parametrize("model", ["glass", "mlp"])
def test_odd_prompts_and_an_mlp_are_searched_too(prompt, model, open_page, view):
    app = open_page(PAGE, prompt=prompt, model=model)
    assert not app.exception
    assert view(app, "beam_tree")["nodes"]
    assert "Something broke" not in words_of(app)


def test_a_prompt_that_fills_the_window_leaves_one_step(open_page, view):
    app = open_page(PAGE, prompt="a" * 64)
    assert len(view(app, "beam_tree")["captions"]) == 1
    app.text_input(key="prompt").set_value("a" * 70).run()
    assert "70 tokens" in words_of(app)


def test_values_out_of_range_in_a_link_fall_back(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, width="99", tokens="-3")
    assert not app.exception
    assert len(view(app, "beam_tree")["captions"]) == 8


def test_widest_and_longest_is_shown_whole(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, width="8", tokens="30")
    shown = view(app, "beam_tree")
    considered = [node for node in shown["nodes"] if node["status"] != "unseen"]
    assert len(considered) == 30 * 16
    assert len(json.dumps(shown)) < 200_000


def test_a_model_whose_scores_are_no_numbers_says_so(open_page, glass, tmp_path):
    model, tokenizer, _ = glass
    broken = TransformerLM(**model.config.to_dict())
    with torch.no_grad():
        # Finite, as a file must be, and too large to multiply.
        broken.token_embedding.weight.mul_(1e20)
        broken.ln_final.weight.fill_(3e38)
    save_checkpoint(tmp_path / "models/broken", broken, tokenizer, step=1)
    app = open_page(PAGE, data=tmp_path, prompt=PROMPT)
    assert "training diverged" in words_of(app)
    assert not app.exception


def test_predict_and_checks_are_graded_by_this_search(open_page, glass):
    app = open_page(PAGE, prompt=PROMPT)
    questions = {
        radio.label: radio for radio in app.radio if radio.key.startswith("_answer_")
    }
    assert len(questions) >= 4  # the prediction, and three at the end
    candidates = next(each for name, each in questions.items() if "candidates" in name)
    right = glass[1].vocab_size  # The first step goes on from the prompt alone.
    place = [option.replace("\\", "") for option in candidates.options].index(
        f"{right:,}"
    )
    candidates.set_value(place).run()
    assert "Right" in words_of(app)


def test_displayed_numbers_add_up_to_the_displayed_sum(open_page):
    app = open_page(PAGE, prompt=PROMPT)
    radio = next(each for each in app.radio if "new sum" in each.label)
    words = radio.label.replace("\\", "").replace("−", "-")
    so_far, added = (float(each) for each in re.findall(r"-\d+\.\d+", words))
    options = [each.replace("\\", "").replace("−", "-") for each in radio.options]
    near = [each for each in options if abs(float(each) - so_far - added) < 0.04]
    assert len(near) == 1
    digits = len(near[0].partition(".")[2])
    assert f"{so_far + added:.{digits}f}" == near[0]


def test_the_challenge_is_met_by_the_narrowest_beam_that_beats_greedy(open_page, glass):
    model, tokenizer, _ = glass
    tokens = tokenizer.encode(PROMPT)
    sums = {
        width: beam_search(model, tokens, settings(num_beams=width), tokenizer.eos_id)
        .sequences[0]
        .cumulative
        for width in range(1, 9)
    }
    narrowest = min(width for width in sums if sums[width] > sums[1] + 0.01)
    app = open_page(PAGE, prompt=PROMPT, width="1")
    for width in sorted({1, narrowest - 1, narrowest, narrowest + 1}):
        app.number_input(key="width").set_value(width).run()
        met = "Challenge met" in words_of(app)
        assert met == (width == narrowest), width


def test_one_text_goes_on_and_two_go_on(open_page, view):
    for width, words in ((1, "1 goes on"), (2, "2 go on")):
        app = open_page(PAGE, prompt=PROMPT, width=str(width))
        assert words in view(app, "beam_tree")["captions"][0]
