"""The Chat page: what is said, what can be taken back, what is shown of it."""

import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.config import FinetuneConfig, RunConfig, TrainConfig
from minigpt.datasets.tales.talk import (
    known_question,
    story_to_talk_about,
    words_of_fact,
)
from minigpt.finetuning.answering import reply
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.conversation_tokens import Turn, messages_of, words_not_in
from minigpt.finetuning.inspection.template_effect import template_effect, verdict
from minigpt.interpret.reading.answer import places_of
from minigpt.runs import RunStore
from minigpt.tokenizers.chat import encode_prompt_for_answer
from minigpt.worker.worker import train_run
from pages.frame.words import plain

PAGE = "pages/chat/chat.py"


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    return runpy.run_path("tests/pages/make_chat_models.py")


@pytest.fixture(scope="module")
def talkers(make, tmp_path_factory):
    return make["make_chat_models"](tmp_path_factory.mktemp("chat"))


@pytest.fixture
def talker(talkers):
    return load_checkpoint(talkers / "models/talker")


@pytest.fixture
def story(talker, make):
    longest = make["SHARE"] * make["WINDOW"]
    encode = talker.tokenizer.encode
    return story_to_talk_about(0, lambda text: len(encode(text)) <= longest)


@pytest.fixture
def hard(story, talker):
    """Return a question that the model answers wrongly."""
    return next(
        each
        for each in story.questions
        if not known_question(story, each.text).is_answered_by(
            reply(
                talker.model,
                talker.tokenizer,
                messages_of(story.text, [Turn(each.text)]),
            )
        )
    )


@pytest.fixture
def chat(open_page, talkers):
    return open_page(PAGE, data=talkers)


def finish(app):
    for _ in range(80):  # each run writes for a moment
        if not any(button.label == "Stop" for button in app.button):
            return app
        app.run()
    raise AssertionError("it never ended")


def say(app, text):
    app.chat_input[0].set_value(text).run()
    return finish(app)


def press(app, key):
    app.button(key=key).click().run()
    return finish(app)


def look_at(app, view):
    app.button_group(key="chat_view").set_value(view).run()
    return finish(app)


def said(app):
    """Return who said what, in order, without the page's own words."""
    return [
        (message.name, message.text[0].value)
        for message in app.chat_message
        if message.text
    ]


def captions(app):
    return "\n".join(caption.value for caption in app.caption)


def texts(app):
    return "\n".join(text.value for text in app.text)


def test_the_tuned_model_comes_first_and_answers_as_it_does_alone(chat, talker, story):
    assert chat.selectbox(key="who").options[0] == "talker"
    assert chat.text_area(key="chat_story").value == story.text
    question = story.questions[0]
    app = press(chat, "chip_0")
    messages = messages_of(story.text, [Turn(question.text)])
    answer = reply(talker.model, talker.tokenizer, messages)
    assert said(app) == [("user", question.text), ("assistant", answer)]
    assert known_question(story, question.text).is_answered_by(answer)
    assert "✓ Right" in captions(app)
    assert not app.exception


def test_a_wrong_answer_is_said_to_be_wrong_beside_the_right_one(chat, hard):
    app = say(chat, hard.text)
    assert f"✗ The story says: {hard.answer}" in captions(app)


def test_a_second_question_reads_the_first_and_its_answer(chat, talker, story):
    first = story.questions[0].text
    app = say(say(chat, first), "Who?")
    before = Turn(first, said(app)[1][1])
    messages = messages_of(story.text, [before, Turn("Who?")])
    assert said(app)[3][1] == reply(talker.model, talker.tokenizer, messages)


def test_an_edited_question_drops_what_follows_and_undo_brings_it_back(chat):
    app = say(say(chat, "Who?"), "Where?")
    whole = said(app)
    press(app, "edit_0")
    app.text_area(key="edited_0").set_value("When?").run()
    app = press(app, "ask_0")
    assert [text for name, text in said(app) if name == "user"] == ["When?"]
    app = press(app, "chat_undo")
    assert said(app) == whole


def test_an_edit_can_be_left(chat):
    app = press(say(chat, "Who?"), "edit_0")
    app = press(app, "leave_0")
    assert said(app)[0] == ("user", "Who?")
    assert len(said(app)) == 2


def test_clear_and_undo(chat, story):
    app = say(chat, "Who?")
    whole = said(app)
    app = press(app, "chat_delete_sweep")
    assert said(app) == []
    assert app.text_area(key="chat_story").value == story.text
    assert said(press(app, "chat_undo")) == whole


def test_another_story_begins_anew_and_undo_brings_back_the_old_with_its_talk(
    chat, story
):
    app = press(chat, "chip_0")
    whole = said(app)
    app = press(app, "chat_menu_book")
    other = app.text_area(key="chat_story").value
    assert other != story.text
    assert other
    assert said(app) == []
    app = press(app, "chat_undo")
    assert said(app) == whole
    assert app.text_area(key="chat_story").value == story.text
    assert "✓ Right" in captions(app)


def test_another_story_takes_the_place_of_ones_own_and_undo_brings_it_back(chat):
    own = "Mia had a red kite."
    chat.text_area(key="chat_story").set_value(own).run()
    app = press(chat, "chat_menu_book")
    assert app.text_area(key="chat_story").value not in ("", own)
    app = press(app, "chat_undo")
    assert app.text_area(key="chat_story").value == own


def test_of_ones_own_story_nobody_says_what_is_right(chat, talker):
    own = "Mia had a *red* <b>kite</b>."
    chat.text_area(key="chat_story").set_value(own).run()
    app = say(chat, "Who had the kite?")
    assert "✓" not in captions(app)
    assert "✗" not in captions(app)
    messages = messages_of(own, [Turn("Who had the kite?")])
    assert said(app)[1][1] == reply(talker.model, talker.tokenizer, messages)


def test_a_changed_story_begins_the_conversation_anew(chat):
    app = say(chat, "Who?")
    app.text_area(key="chat_story").set_value("Mia sang.").run()
    assert said(app) == []
    assert said(press(app, "chat_undo"))[0] == ("user", "Who?")


def test_what_is_read_is_shown_token_by_token_with_the_template(chat, talker, view):
    app = say(chat, "Who?")
    data = view(app, "chat_tokens")
    assert data["pieces"][0] == "<user>"
    assert data["speakers"][0] == "template"
    assert data["pieces"].count("<assistant>") == 1
    recipe = app.session_state["_recipes"]["what it reads"]
    story = app.text_area(key="chat_story").value
    messages = messages_of(story, [Turn("Who?")])
    assert recipe.drawn == encode_prompt_for_answer(messages, talker.tokenizer)


def test_switching_the_template_off_asks_again_in_plain_text(chat, view):
    app = say(chat, "Who?")
    app.toggle(key="chat_template").set_value(False).run()
    finish(app)
    data = view(app, "chat_tokens")
    assert set(data["speakers"]) <= {"plain", "assistant", "end"}
    assert "<user>" not in data["pieces"]
    assert "no template" in captions(app)
    assert said(app)[0] == ("user", "Who?")
    app.toggle(key="chat_template").set_value(True).run()
    assert "no template" not in captions(finish(app))


def test_an_answers_token_shows_the_row_that_wrote_it(chat, view, talker, story):
    app = look_at(press(chat, "chip_0"), "Where it looks")
    data = view(app, "chat_tokens")
    place = data["selected"]
    assert data["query"] == place - 1
    layer, head = view(app, "value_grid")["selected"]
    answer = app.session_state["_chat"].turns[0].answer
    tokens = torch.tensor([[*answer.read, *answer.tokens][:place]])
    with torch.inference_mode():
        _, cache = talker.model.run_with_cache(tokens)
    row = cache[f"blocks.{layer}.attn.hook_pattern"][0, head, -1]
    assert data["levels"][:place] == [round(255 * float(each)) for each in row]
    assert set(data["levels"][place:]) <= {None}
    spelled = "".join(data["pieces"][each] for each in data["marked"])
    assert story.questions[0].answer in spelled


def test_the_head_shown_at_first_reads_the_right_words_most(chat, view):
    app = look_at(press(chat, "chip_0"), "Where it looks")
    data = view(app, "value_grid")
    weights = [float(number) for row in data["numbers"] for number in row]
    layer, head = data["selected"]
    assert weights[layer * len(data["columns"]) + head] == max(weights)
    weights = app.session_state["_recipes"]["all heads on the words that matter"].drawn
    assert weights.max() == pytest.approx(weights[layer, head])


@pytest.mark.parametrize("picture", ["What it reads", "Where it looks"])
def test_the_code_gives_the_numbers_that_are_drawn(picture, chat):
    app = look_at(press(chat, "chip_0"), picture)
    recipes = dict(app.session_state["_recipes"])
    assert recipes
    for name, recipe in recipes.items():
        names = {}
        exec(recipe.lines, names)
        found = torch.as_tensor(names[recipe.variable]).float()
        drawn = torch.as_tensor(recipe.drawn).float()
        torch.testing.assert_close(found, drawn, atol=1e-4, rtol=1e-4, msg=name)


def test_the_base_beside_it_is_the_one_it_was_tuned_from_and_reads_the_same(
    chat, talkers, story
):
    app = look_at(press(chat, "chip_0"), "The base")
    assert app.selectbox(key="beside_talker").value == "plain"
    base = ready_to_chat(load_checkpoint(talkers / "models/plain"))
    messages = messages_of(story.text, [Turn(story.questions[0].text)])
    assert said(app)[-1][1] == reply(base.model, base.tokenizer, messages)
    assert said(app)[-2] == ("user", story.questions[0].text)


def test_the_base_can_be_asked_as_a_story_asks(chat, story):
    app = look_at(press(chat, "chip_0"), "The base")
    app.button_group(key="chat_form").set_value("as a story asks").run()
    finish(app)
    asked = said(app)[-2][1]
    assert asked == f'"{story.questions[0].text}" asked the owl. "'


def test_a_base_can_be_talked_to_and_is_said_to_be_one(chat):
    chat.selectbox(key="who").set_value("plain").run()
    app = say(chat, "Who?")
    assert "never seen a conversation" in texts(app)
    assert said(app)[1][0] == "assistant"
    assert not app.exception


def test_a_question_longer_than_the_window_is_refused_and_can_be_changed(chat):
    app = say(chat, "Who had the kite? " * 90)
    assert "this model reads at most max_seq_len = 256" in texts(app)
    assert app.session_state["_chat"].turns == ()
    app.text_area(key="edited_0").set_value("Who?").run()
    app = press(app, "ask_0")
    assert said(app)[0] == ("user", "Who?")
    assert "max_seq_len" not in texts(app)


def test_a_full_window_leaves_out_old_turns_only_where_that_was_chosen(chat):
    long = "Who had the kite and the drum and the bowl and the coat? " * 4
    app = say(chat, long)
    app = say(app, long)
    assert "max_seq_len" in texts(app)
    assert len(app.session_state["_chat"].turns) == 1
    app.toggle(key="chat_may_forget").set_value(True).run()
    app = press(app, "ask_1")
    assert "max_seq_len" not in texts(app)
    assert "no longer read" in captions(app)
    assert app.session_state["_chat"].turns[-1].left_out == 1


def test_the_meter_counts_what_would_be_read(chat, talker):
    app = say(chat, "Who?")
    story = app.text_area(key="chat_story").value
    messages = messages_of(story, [Turn("Who?", said(app)[1][1])])
    used = len(encode_prompt_for_answer(messages, talker.tokenizer))
    shown = app.get("progress")[0].proto.text
    assert f"**{used}** of 256 tokens" in shown


def test_stop_ends_the_answer_where_it_is(chat):
    chat.selectbox(key="who").set_value("plain").run()
    chat.chat_input[0].set_value("Who?").run()
    answer = chat.session_state["_chat"].turns[0].answer
    if not answer.is_done:  # on a quick machine, it may be
        chat.button(key="chat_stop").click().run()
    assert answer.is_done
    written = len(answer.tokens)
    chat.run()
    assert len(answer.tokens) == written


def test_greedy_says_the_same_again_and_a_seed_does_too(chat):
    app = press(say(chat, "Why?"), "chat_again")
    first = said(app)
    assert said(press(app, "chat_again")) == first
    app.button_group(key="chat_strategy").set_value("sampling").run()
    app.number_input(key="chat.temperature").set_value(2.0)
    app.number_input(key="chat.seed").set_value(7).run()
    drawn = said(press(app, "chat_again"))
    assert said(press(app, "chat_again")) == drawn
    assert "sampled, seed 7" in captions(app)


def test_a_setting_out_of_range_is_said_in_place(chat):
    chat.button_group(key="chat_strategy").set_value("sampling").run()
    chat.number_input(key="chat.top_p").set_value(0.0).run()
    assert "top_p" in texts(chat)
    assert not chat.exception


ODD = ["<b>*x*</b> $y$ `z` [l](u) # h", "狐 🦊 é", "<assistant> Mia.<eos>", "a\n\nb"]


@pytest.mark.parametrize("text", ODD)
def test_whatever_is_typed_is_shown_as_it_was_typed(text, chat):
    app = say(chat, text)
    assert said(app)[0] == ("user", text)
    for view in ("Where it looks", "The base"):
        look_at(app, view)
        assert "Something broke" not in texts(app)
        assert not app.exception


def test_characters_that_the_model_never_saw_are_named(open_page, models):
    app = open_page(PAGE, data=models)
    app = say(app, "狐?")
    assert "does not know '狐'" in texts(app)


def test_what_is_only_blank_is_not_asked(chat):
    app = say(chat, "   ")
    assert app.session_state["_chat"].turns == ()
    assert "The question is empty" in texts(app)


def test_a_window_too_small_for_any_story_begins_without_one(open_page, models):
    app = open_page(PAGE, data=models)
    assert app.text_area(key="chat_story").value == ""
    app = press(app, "chip_0")
    assert said(app)[0][1].startswith("Write a story")
    assert "Something broke" not in texts(app)


def test_an_mlp_talks_and_has_no_attention_to_show(open_page, models):
    app = open_page(PAGE, data=models, model="mlp")
    app = look_at(say(app, "Hi"), "Where it looks")
    assert "This model is an MLP" in texts(app)
    assert "Something broke" not in texts(app)


def test_without_a_tuned_model_the_page_says_so_kindly(open_page, models):
    app = open_page(PAGE, data=models)
    assert "is a base model: it has never seen a conversation" in texts(app)
    look_at(app, "The base")
    assert "No model here is fine-tuned to answer yet" in captions(app)


def test_the_sidebars_model_leads_to_what_was_tuned_from_it(open_page, talkers):
    app = open_page(PAGE, data=talkers, model="plain")
    assert app.selectbox(key="who").value == "talker"
    app.selectbox(key="who").set_value("plain").run()
    app.selectbox(key="model").set_value("talker").run()
    assert app.selectbox(key="who").value == "talker"


def test_the_conversation_survives_a_look_at_another_page(chat):
    app = say(chat, "Who?")
    whole = said(app)
    story = app.text_area(key="chat_story").value
    app.switch_page("pages/home/home.py").run()
    app.switch_page(PAGE).run()
    assert said(app) == whole
    assert app.text_area(key="chat_story").value == story


def test_a_damaged_model_is_one_clear_line(open_page, talkers, tmp_path):
    data = shutil.copytree(talkers, tmp_path / "data")
    (data / "models/talker/model.safetensors").write_bytes(b"half")
    app = open_page(PAGE, data=data)
    assert "model.safetensors" in texts(app)
    assert "Something broke" not in texts(app)
    assert not app.exception


def test_the_questions_are_graded_by_this_model(chat, talker, story):
    predicted, *asked = chat.radio
    assert story.questions[0].text in predicted.label
    assert len(asked) == 3
    last = asked[0]
    last.set_value(last.options.index("\\<assistant\\>")).run()
    assert any("✓ Right" in each.value for each in chat.markdown)


def answer_of(app):
    return app.session_state["_chat"].turns[0].answer


def test_an_answers_probability_is_the_product_of_its_tokens(chat, talker):
    app = press(chat, "chip_0")
    answer = answer_of(app)
    tokens = torch.tensor([[*answer.read, *answer.tokens]])
    with torch.inference_mode():
        log_probs = talker.model(tokens[:, :-1])[0].log_softmax(-1)
    written = range(len(answer.read), tokens.shape[1])
    each = [float(log_probs[place - 1, tokens[0, place]].exp()) for place in written]
    product = 1.0
    for value in each:
        product *= value
    assert answer.probability == pytest.approx(product, rel=1e-3)
    (opened,) = (
        block
        for block in app.get("popover")
        if block.proto.popover.label.startswith("Probability")
    )
    assert opened.proto.popover.label == f"Probability {product:.3f}"
    app.session_state["chat_probability_0"] = True  # as a click opens it
    shown = app.run().table[0].value["probability"]
    assert [float(text) for text in shown] == pytest.approx(each, abs=6e-4)


def test_words_that_stand_nowhere_in_what_was_read_are_named(chat, story):
    app = press(chat, "chip_0")
    said_words = said(app)[1][1].strip(".").split()
    told = f"{story.text} {said(app)[0][1]}".lower()
    assert all(word.lower() in told for word in said_words)
    assert "all its words are in the story or the question" in captions(app)
    app.text_area(key="chat_story").set_value("Mia sang.").run()
    app = say(app, story.questions[0].text)
    new = words_not_in(said(app)[1][1], "Mia sang.", story.questions[0].text)
    assert new
    assert f"neither in the story nor in the question: **{', '.join(new[:8])}" in (
        captions(app)
    )


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, root=Path(__file__).parents[3]):
    """Return a data directory with the base and the tuned model that ship."""
    data = tmp_path_factory.mktemp("shipped")
    for name in ("tales", "tales-chat"):
        shutil.copytree(root / "data/models" / name, data / "models" / name)
    return data


def test_a_question_of_another_kind_is_said_to_be_one_and_of_its_own_kind_is_not(
    open_page, shipped
):
    app = say(open_page(PAGE, data=shipped), "Translate the story into French.")
    assert not app.exception
    (told,) = (each for each in app.caption if "not a kind of question" in each.value)
    assert "questions of other kinds" in told.proto.help
    assert "its 16 heads looked most at" in captions(app)
    app = say(app, "What colour was the museum?")
    assert captions(app).count("not a kind of question") == 1
    assert "A kind of question that it was tuned on" in captions(app)


def test_the_page_opens_on_a_question_that_the_template_makes_right(open_page, shipped):
    app = open_page(PAGE, data=shipped)
    predicted = app.radio[0]
    assert list(predicted.options) == [
        "The right answer all the same",
        "A wrong answer, from the same story",
        plain("No answer: the story goes on"),
    ]
    who = load_checkpoint(shipped / "models/tales-chat")
    told = app.text_area(key="chat_story").value
    question = app.button(key="chip_0").label.replace("\\", "")
    assert question in predicted.label.replace("\\", "")
    (story,) = (
        each
        for number in range(8)
        if (
            each := story_to_talk_about(
                number, lambda text: len(who.tokenizer.encode(text)) <= 0.62 * 256
            )
        ).text
        == told
    )
    asked = known_question(story, question)
    effect = template_effect(who, asked)
    assert asked.is_answered_by(effect.told)
    assert verdict(asked, effect.untold) != "right"
    app = press(app, "chip_0")
    assert "✓ Right" in captions(app)


def test_a_wrong_answer_says_what_was_read_instead(chat, story, hard, talker):
    app = say(chat, hard.text)
    (sentence,) = (
        each.value for each in app.caption if each.value.startswith("When it wrote")
    )
    asked = known_question(story, hard.text)
    answer = answer_of(app)
    tokens = [*answer.read, *answer.tokens]
    spelled = [
        place
        for value in asked.question.candidates
        for place in places_of(value, tokens, talker.tokenizer)
        if place >= len(answer.read)
    ]
    place = min(spelled, default=len(answer.read))
    with torch.inference_mode():
        _, cache = talker.model.run_with_cache(torch.tensor([tokens[:place]]))
    rows = torch.stack(
        [cache[f"blocks.{layer}.attn.hook_pattern"][0, :, -1] for layer in range(2)]
    )
    same = [at for at in range(place) if tokens[at] == tokens[place]]
    right = places_of(words_of_fact(asked), answer.read, talker.tokenizer)
    if same and right:
        for places in (same, right):
            assert f"{float(rows[..., places].sum(-1).max()):.2f}" in sentence
    else:
        pieces = talker.tokenizer.pieces(tokens)
        words = [
            at
            for at in range(place)
            if tokens[at] not in talker.tokenizer.special_tokens
            and any(map(str.isalpha, pieces[at]))
        ]
        mean = rows.mean((0, 1))
        assert f"({float(mean[words].max()):.2f})" in sentence


@pytest.fixture(scope="module")
def museum(make, talkers, tmp_path_factory):
    """Return a data directory with a model tuned on a file of one's own."""
    data = tmp_path_factory.mktemp("museum")
    rows = [
        {"instruction": f"Where is room {number}?", "output": f"On floor {number}."}
        for number in range(1, 11)
    ]
    own = data / "museum.jsonl"
    own.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    base = shutil.copytree(talkers / "models" / "plain", data / "models" / "plain")
    train = TrainConfig(
        max_steps=150,
        batch_size=9,
        learning_rate=1e-2,
        eval_interval=150,
        num_threads=1,
    )
    config = RunConfig(
        finetune=FinetuneConfig(base=str(base), examples=str(own)), train=train
    )
    train_run(RunStore(data / "runs").create(config, "museum"))
    return data


def test_what_was_tuned_on_a_file_opens_on_its_questions_and_not_on_a_tale(
    open_page, museum
):
    app = open_page(PAGE, data=museum)
    assert app.selectbox(key="who").value == "museum"
    assert app.text_area(key="chat_story").value == ""
    assert app.button(key="chat_menu_book").disabled
    app = press(app, "chip_0")
    assert said(app) == [
        ("user", "Where is room 1?"),
        ("assistant", "On floor 1."),
    ]
    assert "✓ Right" in captions(app)
    assert "One of the 9 questions it was tuned on" in captions(app)


def test_a_held_out_question_and_a_strange_one_are_told_from_those_learned(
    open_page, museum
):
    app = open_page(PAGE, data=museum)
    app = say(app, "Where is room 10?")
    assert "**Held out**: it is in the file" in captions(app)
    assert "✗ Your file says: On floor 10" in captions(app)
    app = say(app, "Who had the kite?")
    assert "None of the 9 questions it was tuned on" in captions(app)
    assert not app.exception


def test_every_stop_quotes_what_the_page_shows_and_the_talk_comes_back(
    open_page, talkers, walk, view
):
    app = press(open_page(PAGE, data=talkers), "chip_1")
    before = said(app)
    heads = []

    def tokens():
        return view(app, "chat_tokens")

    def last_words():
        return [text for _, text in said(app)]

    for stop in walk(app):
        words = stop.words
        if "row of" in words:
            assert f"row of {len(tokens()['pieces'])} tokens" in words
        if words.startswith("Asked") or "same words" in words:
            assert f"“{last_words()[1][:40]}" in words
            assert app.toggle(key="chat_template").value == words.startswith("Asked")
        if "looked most at" in words:
            weights = re.findall(r"weight ([\d.]+)", "".join(tokens()["sentences"]))
            most = max(map(float, weights))
            assert float(re.search(r"with ([\d.]+) of its", words)[1]) == (
                pytest.approx(most, abs=0.006)
            )
            layer, head = (app.session_state[key] for key in ("layer", "head"))
            assert f"L{layer}H{head} looked" in words
            heads.append((layer, head))
        if "very same tokens" in words:
            assert f"goes on with “{last_words()[-1][:40]}" in words
        if "Is it sure" in words:
            labels = [block.proto.popover.label for block in app.get("popover")]
            label = next(each for each in labels if each.startswith("Probability"))
            assert re.search(r"[\d.]+(e-\d+)?", label)[0] in words
        if "answers whatever" in words:
            assert f"“{last_words()[0]}”" in words
            assert any("kind" in caption.value for caption in app.caption)
    assert len(set(heads)) == 2
    app.switch_page("pages/home/home.py").run()
    app.switch_page(PAGE).run()
    assert said(app) == before
