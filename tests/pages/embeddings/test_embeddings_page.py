"""The page of embeddings and positions draws what its model holds, for every scheme."""

import json

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.model import create_model
from minigpt.tokenizers import BPETokenizer, WordTokenizer

PAGE = "pages/embeddings/embeddings.py"
PROMPT = "the red kite"
SCHEMES = ["sinusoidal", "rope", "alibi", "relative", "none"]
POSITIONS = {"embeddings_part": "Positions"}
SHUFFLE = {"embeddings_part": "Shuffle the words"}


@pytest.fixture(scope="module")
def schemes(models, tmp_path_factory):
    """Return a data directory with a model for each scheme, and odd ones."""
    data = tmp_path_factory.mktemp("schemes")
    glass = models / "models/glass/checkpoints/checkpoint_step_100"
    _, tokenizer, _ = load_checkpoint(glass)

    def make(name, tokenizer=tokenizer, **settings):
        torch.manual_seed(0)
        sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 32}
        model = create_model(
            "transformer", **{"vocab_size": tokenizer.vocab_size, **sizes, **settings}
        )
        save_checkpoint(data / "models" / name, model, tokenizer, step=1)

    for scheme in SCHEMES:
        make(scheme, positional_encoding=scheme)
    make("free", tie_embeddings=False)
    make("odd", d_model=15, num_heads=3, num_layers=1, d_ff=0)
    make("deep", d_model=100, num_heads=25, num_layers=48)
    make("padded", vocab_size=tokenizer.vocab_size + 900)
    bpe = BPETokenizer(270)
    bpe.build_vocab("a girl " * 50)
    make("spaced", bpe, vocab_size=bpe.vocab_size)
    words = WordTokenizer()
    words.build_vocab(" ".join(f"word{number}" for number in range(3000)))
    make("many", words, vocab_size=words.vocab_size)
    return data


def recipes_of(app):
    assert not app.exception
    assert not any("broke" in text.value for text in app.text)
    return dict(app.session_state["_recipes"])


def run_all(app):
    """Run the lines under every figure, and compare with what was drawn."""
    recipes = recipes_of(app)
    for name, recipe in recipes.items():
        names = {}
        exec(recipe.lines, names)
        found, drawn = names[recipe.variable], recipe.drawn
        pairs = [(found, drawn)]
        if isinstance(drawn, dict):
            pairs = [(found[key], drawn[key]) for key in drawn]
        for one, other in pairs:
            one = one.detach() if isinstance(one, torch.Tensor) else one
            np.testing.assert_allclose(
                np.asarray(one, float),
                np.asarray(other, float),
                atol=2e-4,
                err_msg=name,
            )
    return set(recipes)


def traced(app):
    """Return the number in the line of provenance."""
    line = next(code.value for code in app.code if "hook" in code.value)
    return line.partition(" = ")[0], float(line.partition(" = ")[2])


def cache_of(data, name, prompt=PROMPT):
    model, tokenizer, _ = load_checkpoint(data / "models" / name)
    tokens = torch.tensor([tokenizer.encode(prompt)])
    with torch.inference_mode():
        return model.run_with_cache(tokens)[1]


def test_the_tokens_code_gives_the_numbers_drawn_and_the_film_too(open_page):
    app = open_page(PAGE, prompt=PROMPT)
    drawn = run_all(app)
    assert drawn == {"nearest tokens", "principal components", "while it learned"}


def test_the_embedding_is_traced_at_the_chosen_token(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, token="4")
    name, value = traced(app)
    assert name == "hook_embed[0, 4, 0]"
    checkpoint = "glass/checkpoints/checkpoint_step_100"
    cache = cache_of(models, checkpoint)
    assert value == pytest.approx(float(cache["hook_embed"][0, 4, 0]), abs=1e-4)


def test_a_typed_token_is_looked_at_instead(open_page, models):
    app = open_page(PAGE, prompt=PROMPT)
    app.text_input(key="embedding_word").input("z").run()
    model, tokenizer, _ = load_checkpoint(
        models / "models/glass/checkpoints/checkpoint_step_100"
    )
    token = tokenizer.encode("z")[0]
    name, value = traced(app)
    assert name == "hook_embed[0, 0, 0]"
    expected = float(model.token_embedding.weight[token, 0].detach())
    assert value == pytest.approx(expected, abs=1e-4)
    assert f"{token}, 8)" in recipes_of(app)["nearest tokens"].lines


@pytest.mark.parametrize("points", ["vocabulary", "prompt"])
def test_other_tokens_can_be_drawn(open_page, points):
    app = open_page(PAGE, prompt=PROMPT)
    app.segmented_control(key="embedding_points").set_value(points).run()
    assert "principal components" in run_all(app)


def test_an_unembedding_of_its_own_can_be_chosen(open_page, schemes):
    app = open_page(PAGE, data=schemes, model="free", prompt=PROMPT)
    app.segmented_control(key="embedding_table").set_value("unembedding").run()
    assert "model.head.weight" in recipes_of(app)["nearest tokens"].lines
    run_all(app)


def test_three_dimensions_are_drawn_on_request_alone(open_page):
    app = open_page(PAGE, prompt=PROMPT)
    assert not app.get("plotly_chart")
    app.toggle(key="embedding_3d").set_value(True).run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_models_own_scheme_is_drawn_first_and_traced(open_page, schemes, scheme):
    app = open_page(PAGE, data=schemes, model=scheme, prompt=PROMPT, **POSITIONS)
    drawn = run_all(app)
    pictures = {
        "sinusoidal": {"position vectors", "by distance"},
        "rope": {"clock hands", "by distance"},
        "none": set(),
    }
    assert drawn == pictures.get(scheme, {"biases", "by distance"})
    last = len(PROMPT) - 1
    hook, index = {
        "sinusoidal": ("hook_pos_embed", (0, last, 0)),
        "rope": ("blocks.0.attn.hook_rot_q", (0, last, 0, 0)),
    }.get(scheme, ("blocks.0.attn.hook_attn_scores", (0, 0, last, last - 1)))
    name, value = traced(app)
    assert name.startswith(hook)
    expected = float(cache_of(schemes, scheme)[hook][index])
    assert value == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("scheme", ["sinusoidal", "rope", "alibi"])
def test_a_scheme_without_weights_is_drawn_for_any_model(open_page, models, scheme):
    app = open_page(PAGE, prompt=PROMPT, scheme_of_learned=scheme, **POSITIONS)
    assert len(run_all(app)) == 2
    assert any("uses learned" in caption.value for caption in app.caption)


def test_a_table_that_was_never_learned_is_not_invented(open_page):
    query = {"scheme_of_learned": "relative", **POSITIONS}
    app = open_page(PAGE, prompt=PROMPT, **query)
    assert recipes_of(app) == {}
    assert any("never learned a table" in text.value for text in app.text)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_loss_past_the_training_length_is_measured(open_page, schemes, scheme):
    app = open_page(PAGE, data=schemes, model=scheme, prompt=PROMPT, **POSITIONS)
    app.button(key="measure_beyond").click().run()
    losses = recipes_of(app)["loss by position"]
    assert len(losses.drawn) == 63
    run_all(app)


def test_a_learned_table_says_why_it_cannot_read_on(open_page):
    app = open_page(PAGE, prompt=PROMPT, **POSITIONS)
    app.button(key="measure_beyond").click().run()
    assert not app.exception
    assert any("for position 64 there is no vector" in t.value for t in app.text)


def test_distances_go_past_the_training_where_the_scheme_does(open_page, schemes):
    app = open_page(PAGE, data=schemes, model="rope", prompt=PROMPT, **POSITIONS)
    app.toggle(key="past_training").set_value(True).run()
    assert np.shape(recipes_of(app)["by distance"].drawn) == (1, 64)
    run_all(app)


def test_the_shuffle_gives_the_models_own_numbers(open_page, schemes):
    app = open_page(PAGE, data=schemes, model="rope", prompt=PROMPT, **SHUFFLE)
    assert run_all(app) == {"the shuffle"}
    changes = recipes_of(app)["the shuffle"].drawn
    assert changes[2] < 1e-5 < min(changes[:2])
    metrics = [metric.label for metric in app.metric]
    assert metrics[2] == "Its first layer alone, no positions"
    assert app.metric[2].value.startswith("the same")
    assert app.metric[1].value.startswith("changed")


def test_shuffling_again_makes_another_order(open_page):
    app = open_page(PAGE, prompt=PROMPT, **SHUFFLE)

    def order():
        nodes = [node.proto.json for node in app.get("bidi_component")]
        views = [json.loads(data) for data in nodes if data]
        return [view["ids"] for view in views if "ids" in view]

    (written, before) = order()
    app.button(key="again").click().run()
    assert not app.exception
    assert order()[0] == written
    assert order()[1] != before
    assert order()[1][-1] == written[-1]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"prompt": "aaa", **SHUFFLE}, "only one order"),
        ({"prompt": "a" * 65}, "65 tokens"),
        ({"prompt": "a" * 65, "model": "mlp"}, "65 tokens"),
    ],
)
def test_what_cannot_be_shown_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text.value for text in app.text)


@pytest.mark.parametrize("part", [{}, SHUFFLE, POSITIONS])
def test_an_mlp_has_embeddings_and_a_window_instead_of_positions(open_page, part):
    app = open_page(PAGE, model="mlp", prompt=PROMPT, **part)
    assert run_all(app)
    words = " ".join(" ".join(text.value for text in app.markdown).split())
    # It has no positions to show: a link to them opens the tokens.
    assert ("place in that vector" in words) == (part == SHUFFLE)
    assert len(app.radio) >= 3


@pytest.mark.parametrize("name", ["odd", "deep", "padded"])
@pytest.mark.parametrize("part", [{}, POSITIONS, SHUFFLE])
def test_models_of_every_size_are_shown(open_page, schemes, name, part):
    app = open_page(PAGE, data=schemes, model=name, prompt=PROMPT, **part)
    assert recipes_of(app)
    assert len(app.radio) >= 2


def test_of_a_large_vocabulary_a_sample_is_drawn_and_that_is_said(open_page, schemes):
    app = open_page(PAGE, data=schemes, model="many", prompt="word7 word8 word7 word9")
    app.segmented_control(key="embedding_points").set_value("vocabulary").run()
    run_all(app)
    size = load_checkpoint(schemes / "models/many").tokenizer.vocab_size
    assert any(f"of {size} tokens" in caption.value for caption in app.caption)


@pytest.mark.parametrize("part", [{}, POSITIONS, SHUFFLE])
@pytest.mark.parametrize("prompt", ["a", "<b>*x*</b> $y$ ](z)"])
def test_short_and_marked_up_prompts_are_read(open_page, prompt, part):
    app = open_page(PAGE, prompt=prompt, **part)
    assert not app.exception
    assert not any("broke" in text.value for text in app.text)


@pytest.mark.parametrize("part", [{}, POSITIONS, SHUFFLE])
def test_every_question_is_graded_once(open_page, part):
    app = open_page(PAGE, prompt=PROMPT, **part)
    asked = [radio.key for radio in app.radio]
    assert len(asked) >= 2
    for count, key in enumerate(asked, start=1):
        app.radio(key=key).set_value(0).run()
        assert not app.exception
        said = [text.value for text in app.markdown if "You said" in text.value]
        assert len(said) == count


def test_a_typed_word_is_found_with_its_space_and_the_page_says_so(open_page, schemes):
    """`girl` is a token only behind a space: not its first letter is shown."""
    app = open_page(PAGE, data=schemes, model="spaced", prompt="a girl")
    tokenizer = load_checkpoint(schemes / "models/spaced").tokenizer
    app.text_input(key="embedding_word").input("girl").run()
    (token,) = tokenizer.encode(" girl")
    assert len(tokenizer.encode("girl")) > 1
    assert f"{token}, 8)" in recipes_of(app)["nearest tokens"].lines
    assert any("the word with the space before it" in c.value for c in app.caption)
    app.text_input(key="embedding_word").input("girlish").run()
    assert any("not a token of its own" in c.value for c in app.caption)


def test_a_link_opens_the_same_view(open_page, schemes):
    chosen = {"embedding_table": "unembedding", "embedding_points": "prompt"}
    app = open_page(PAGE, data=schemes, model="free", prompt=PROMPT, **chosen)
    assert app.segmented_control(key="embedding_table").value == "unembedding"
    assert "model.head.weight" in recipes_of(app)["nearest tokens"].lines
    app = open_page(PAGE, prompt=PROMPT, shuffle="3", **SHUFFLE)
    app.button(key="again").click().run()
    assert app.query_params["shuffle"] == "4"
