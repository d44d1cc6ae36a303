"""What the Tokenizer page shows is the tokenizer's own, whichever one is in view."""

import json

import numpy as np
import pytest
from pretrained.tokenizer_forms import sentencepiece

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.datasets import generate_tales
from minigpt.model import TransformerLM
from minigpt.tokenizers import (
    AdaptedTokenizer,
    BPETokenizer,
    CharTokenizer,
    WordTokenizer,
)
from minigpt.tokenizers.inspection.merge_history import MergeHistory
from minigpt.tokenizers.storage import exported

PAGE = "pages/tokenizer/tokenizer.py"
PIECES, MERGES, TWO, SCRIPTS = "Pieces", "Merges", "Compare", "Languages"
MOTION = "Slow motion"
STORIES = "BPE, 1,000 merges · tales"
PROGRAMS = "BPE, 1,000 merges · this project's source"
TEXT = "the red kite returns"


@pytest.fixture(scope="module")
def stories():
    return MergeHistory.learn(generate_tales(1_000_000), 1260)


@pytest.fixture
def open_view(open_page):
    """Return a function that opens one view of the page for one tokenizer."""

    def open_(view=PIECES, tokenizer=None, text=TEXT):
        app = open_page(PAGE, prompt=text)
        app.session_state["tokenizer_view"] = view
        if tokenizer is not None:
            app.selectbox(key="tokenizer").set_value(tokenizer)
        app.run()
        assert not app.exception
        return app

    return open_


def views(app, name):
    return [
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == f"minigpt.{name}"
    ]


def said(app):
    return "\n".join(each.value for each in (*app.text, *app.markdown, *app.caption))


def run_recipes(app):
    recipes = dict(app.session_state["_recipes"])
    assert recipes
    for name, recipe in recipes.items():
        names: dict[str, object] = {}
        exec(recipe.lines, names)
        found = names[recipe.variable]
        if isinstance(recipe.drawn, dict):
            assert found == recipe.drawn, name
        else:
            np.testing.assert_allclose(found, recipe.drawn, err_msg=name)


def test_the_models_own_tokenizer_comes_first(open_view, models, view):
    app = open_view()
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    tokenizer = load_checkpoint(path).tokenizer
    shown = view(app, "piece_links")
    assert shown["ids"] == tokenizer.encode(TEXT)
    assert shown["details"][0] == "1 byte: 74 · a whole character"


def test_pieces_ids_bytes_and_ranks_are_the_tokenizers(open_view, view, stories):
    app = open_view(tokenizer=STORIES)
    shown, tokenizer = view(app, "piece_links"), stories.tokenizer
    ids = tokenizer.encode(TEXT)
    assert shown["ids"] == ids
    for token, detail in zip(ids, shown["details"], strict=True):
        assert tokenizer.token_bytes(token).hex(" ").upper() in detail
        rank = tokenizer.merge_rank(token)
        wanted = "a byte by itself" if rank is None else f"merge {rank + 1:,}"
        assert detail.endswith(wanted)
    assert shown["summary"].startswith(f"{len(ids)} tokens · 20 characters · 20 bytes")


def test_a_tokenizer_that_a_library_runs_is_shown_as_far_as_it_can_be(
    open_page, view, tmp_path
):
    tokenizer = AdaptedTokenizer(json.loads(sentencepiece().to_str()))
    size = tokenizer.vocab_size
    model = TransformerLM(vocab_size=size, d_model=8, num_heads=2, max_seq_len=64)
    save_checkpoint(tmp_path / "models/brought", model, tokenizer)
    app = open_page(PAGE, data=tmp_path, model="brought", prompt="the times, naïve")
    assert not app.exception
    ids = tokenizer.encode("the times, naïve")
    shown = view(app, "piece_links")
    assert shown["ids"] == ids
    assert shown["details"][-2].endswith("byte: 76 · a piece of its vocabulary")
    assert "runs this model's tokenizer, of type BPE" in said(app)
    run_recipes(app)
    app.session_state["tokenizer_view"] = MOTION
    app.run()
    assert not app.exception
    assert "the steps that lead to them are not" in said(app)


def test_the_slider_gives_the_same_text_with_fewer_merges(open_view, view, stories):
    app = open_view(tokenizer=STORIES)
    for merges in (0, 300, 500, 1000):
        app.slider(key="merges_used").set_value(merges).run()
        early = stories.tokenizer.limited_to(merges)
        assert view(app, "piece_links")["ids"] == early.encode(TEXT)
        run_recipes(app)


def test_special_tokens_come_from_the_switch_and_never_from_letters(open_view, view):
    app = open_view(tokenizer=STORIES, text="The end.<eos>")
    assert 3 not in view(app, "piece_links")["ids"]
    app.toggle(key="special_tokens").set_value(True).run()
    shown = view(app, "piece_links")
    assert (shown["ids"][0], shown["ids"][-1]) == (2, 3)
    assert shown["special"] == [0, len(shown["ids"]) - 1]
    assert "marks the beginning of a text" in shown["details"][0]
    run_recipes(app)


def test_an_example_is_put_into_the_text(open_view):
    app = open_view()
    app.button_group(key="to_try").set_value("1234").run()
    assert app.text_input(key="prompt").value == "1 12 123 1234 12345"


def test_merges_step_back_forth_and_jump(open_view, stories):
    app = open_view(MERGES, STORIES)
    assert app.session_state["merges_made"] == 0
    app.button(key="merge_next").click().run()
    app.button(key="merge_next").click().run()
    assert app.slider(key="merges_made").value == 2
    assert f"{stories.token_counts[2]:,} tokens" in said(app)
    app.button(key="merge_back").click().run()
    assert f"{stories.token_counts[1]:,} tokens" in said(app)
    app.slider(key="merges_made").set_value(500).run()
    assert f"{stories.token_counts[500]:,} tokens" in said(app)
    excerpt = views(app, "token_pieces")[0]["ids"]
    early = stories.tokenizer.limited_to(500)
    assert excerpt == early.encode(generate_tales(1_000_000)[:120])
    run_recipes(app)


def test_play_goes_on_by_itself_and_pauses(open_view):
    app = open_view(MERGES, STORIES)
    app.button(key="merge_play").click().run()
    assert app.button(key="merge_play").label == "Pause"
    made = app.session_state["merges_made"]
    app.run()
    assert app.session_state["merges_made"] > made
    app.button(key="merge_play").click().run()
    made = app.session_state["merges_made"]
    app.run()
    assert app.session_state["merges_made"] == made


def test_a_guess_is_graded_by_the_counts_and_only_then_are_they_told(
    open_view, stories
):
    app = open_view(MERGES, STORIES)
    best = stories.pairs(0).top[0]
    assert f"{best.count:,}" not in said(app)
    guess = app.button_group(key=f"_guess_{STORIES} 0")
    assert set(guess.options) >= {r"· \+ t"}
    guess.set_value("· + t").run()
    assert "✓ Right" in said(app)
    assert f"{best.count:,}" in said(app)
    app.button(key="merge_next").click().run()
    wrong = sorted(p.pair for p in stories.pairs(1).top[1:4])[0]
    name = " + ".join(part.decode().replace(" ", "·") for part in wrong)
    app.button_group(key=f"_guess_{STORIES} 1").set_value(name).run()
    assert "✗ Not quite" in said(app)
    assert "So far you have 1 of 2 right" in said(app)


def test_the_tree_grows_with_the_merges(open_view, stories):
    app = open_view(MERGES, STORIES)
    app.text_input(key="tree_word").set_value(" kite").run()
    for merges in (0, 30, 1000):
        app.slider(key="merges_made").set_value(merges).run()
        blocks = views(app, "merge_blocks")[0]["blocks"]
        tokens = [block for block in blocks if block["token"]]
        early = stories.tokenizer.limited_to(merges)
        assert len(tokens) == len(early.encode(" kite"))
    assert all(block["known"] for block in blocks)


def test_two_tokenizers_cut_one_text_differently(open_view, stories):
    app = open_view(TWO, STORIES, "the kite is a number")
    one, other = views(app, "piece_links")
    assert one["ids"] == stories.tokenizer.encode("the kite is a number")
    assert "·kite" in one["pieces"]
    assert "·kite" not in other["pieces"]
    assert "·number" in other["pieces"]
    assert "·number" not in one["pieces"]
    assert "The largest difference" in said(app)
    run_recipes(app)


@pytest.mark.parametrize("kind", ["words · tales", "characters · tales", PROGRAMS])
def test_every_view_works_for_every_kind(open_view, kind):
    app = open_view(PIECES, kind, "a kite 🙂 naïve")
    for which in (MOTION, MERGES, TWO, SCRIPTS):
        app.session_state["tokenizer_view"] = which
        app.run()
        assert not app.exception
        assert "Something broke" not in said(app)
    run_recipes(app)


def new_tokenizer(app, text, kind="bpe"):
    """Train on a pasted text, as a reader would."""
    app.button_group(key="tokenizer_kind").set_value(kind)
    app.button_group(key="tokenizer_text").set_value("paste").run()
    app.text_area(key="tokenizer_pasted").set_value(text).run()
    app.button(key="train_tokenizer").click().run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("text", "merges"),
    [
        ("a", 0),
        ("kite " * 5000, 4),
        ("🙂" * 10_000, None),
        ("שלום عليكم नमस्ते e\u0301e\u0301 " * 50, None),
        ("<script>alert(1)</script> *a* $b$ ![](http://x) " * 20, None),
    ],
    ids=["one letter", "one word", "emoji", "scripts", "markup"],
)
def test_a_pasted_text_is_learned_from_whatever_it_is(open_view, models, text, merges):
    app = new_tokenizer(open_view(text=text[:40]), text)
    assert app.selectbox(key="tokenizer").value.startswith("BPE, 1,000 merges · pasted")
    tokenizer = BPETokenizer(1260)
    tokenizer.build_vocab(text)
    if merges is not None:
        assert len(tokenizer.merges) == merges
    shown = views(app, "piece_links")[0]
    assert shown["ids"] == tokenizer.encode(text[:40])
    for which in (MOTION, MERGES, TWO, SCRIPTS, PIECES):
        app.session_state["tokenizer_view"] = which
        app.run()
        assert not app.exception
        assert "Something broke" not in said(app)
        run_recipes(app)


def test_an_empty_text_is_no_text_to_learn_from(open_view):
    app = open_view()
    app.button_group(key="tokenizer_text").set_value("paste").run()
    assert app.button(key="train_tokenizer").disabled
    app.text_area(key="tokenizer_pasted").set_value("   ").run()
    app.button(key="train_tokenizer").click().run()
    assert "empty" in said(app)


def upload(app, *files):
    app.button_group(key="new_tokenizer").set_value("Open a file").run()
    app.file_uploader(key="tokenizer_files").set_value(list(files)).run()
    assert not app.exception
    return app


def test_a_tokenizer_of_others_is_opened_and_gives_the_same_ids(open_view, stories):
    content = exported(stories.tokenizer)
    app = upload(open_view(), ("tokenizer.json", content, "application/json"))
    assert app.selectbox(key="tokenizer").value.startswith("tokenizer.json")
    assert views(app, "piece_links")[0]["ids"] == stories.tokenizer.encode(TEXT)
    run_recipes(app)


def test_gpt2s_two_files_are_opened_together(open_view, stories):
    fields = json.loads(exported(stories.tokenizer))["model"]
    vocabulary = json.dumps(fields["vocab"]).encode()
    merges = "\n".join(["#version: 0.2", *map(" ".join, fields["merges"])]).encode()
    app = upload(
        open_view(),
        ("vocab.json", vocabulary, "application/json"),
        ("merges.txt", merges, "text/plain"),
    )
    assert views(app, "piece_links")[0]["ids"] == stories.tokenizer.encode(TEXT)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[1, 2]", "JSON object"),
        (b'{"a": 1}', "merges.txt"),
        (b'{"model": {"type": "Unigram"}}', "Unigram"),
    ],
)
def test_what_is_no_tokenizer_is_refused_in_a_line(
    open_view, content, complaint, models
):
    app = upload(open_view(), ("tokenizer.json", content, "application/json"))
    assert complaint in said(app)
    assert "Something broke" not in said(app)
    assert str(models) not in said(app)
    kept = list((models / "texts").glob("tokenizer-*/tokenizer.json"))
    assert content not in [path.read_bytes() for path in kept]
    assert views(app, "piece_links")


@pytest.mark.parametrize(
    ("kind", "tokenizer"), [("word", WordTokenizer()), ("char", CharTokenizer())]
)
def test_words_and_characters_are_trained_too(open_view, kind, tokenizer):
    text = "the cat and the dog. " * 5
    app = new_tokenizer(open_view(text="the dog"), text, kind)
    tokenizer.build_vocab(text)
    assert views(app, "piece_links")[0]["ids"] == tokenizer.encode("the dog")


@pytest.mark.parametrize("text", ["", " ", "x", "*a* _b_ <b>c</b> $d$ " * 90])
def test_any_prompt_is_read(open_view, text):
    app = open_view(tokenizer=STORIES, text=text)
    for which in (MOTION, MERGES, TWO, SCRIPTS, PIECES):
        app.session_state["tokenizer_view"] = which
        app.run()
        assert not app.exception
        assert "Something broke" not in said(app)


@pytest.mark.parametrize(
    "kind", [STORIES, PROGRAMS, "words · tales", "characters · tales"]
)
def test_four_questions_are_asked_of_every_kind(open_view, kind):
    app = open_view(tokenizer=kind)
    asked = [radio.key for radio in app.radio if radio.key.startswith("_answer_")]
    assert len(asked) == 4
    assert "✓" not in said(app)
    app.radio(key=asked[0]).set_value(0).run()
    assert "You said" in said(app)


def test_slow_motion_replays_the_tokenizers_own_merges(open_view, view, stories):
    """Whatever tokenizer is in view, and on the reader's own text."""
    app = open_view(MOTION, STORIES)
    shown = view(app, "merge_motion")
    tokenizer = stories.tokenizer
    ranks = [step["rank"] for step in shown["steps"]]
    assert ranks == sorted(ranks)
    last = [node for _, _, node in shown["steps"][-1]["joins"]]
    made = {shown["labels"][node].replace("·", " ") for node in last}
    assert made <= {tokenizer.token_bytes(t).decode() for t in tokenizer.encode(TEXT)}
    run_recipes(app)
    app.session_state["joins"] = 2
    app.run()
    assert view(app, "merge_motion")["step"] == 2
    assert app.query_params["joins"] == "2"
    run_recipes(app)


def test_a_tokenizer_without_merges_says_why_nothing_moves(open_view):
    app = open_view(MOTION, "words · tales")
    assert not views(app, "merge_motion")
    assert "learned no merges" in said(app)


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ({"tokenizer_view": MERGES, "tokenizer": STORIES}, "merges_made", 37),
        ({"tokenizer": STORIES}, "merges_used", 250),
    ],
)
def test_a_link_opens_the_same_view_with_as_many_merges(open_page, query, name, value):
    app = open_page(PAGE, prompt=TEXT, **query, **{name: str(value)})
    assert not app.exception
    assert app.slider(key=name).value == value
    assert app.selectbox(key="tokenizer").value == STORIES


def test_merges_survive_a_visit_to_another_page(open_view):
    app = open_view(MERGES, STORIES)
    app.slider(key="merges_made").set_value(12).run()
    app.switch_page("pages/library/library.py").run()
    app.switch_page(PAGE).run()
    assert not app.exception
    assert "Something broke" not in said(app)
    assert app.slider(key="merges_made").value == 12
