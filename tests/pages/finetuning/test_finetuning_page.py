"""Fine-tuning: what is chosen before the start, and what the page says afterwards."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import (
    FinetuneConfig,
    GenerationConfig,
    RunConfig,
    TrainConfig,
)
from minigpt.datasets.tales.instructions import questions
from minigpt.datasets.tales.story import generate_tales
from minigpt.finetuning.answering import Answer, reply
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.conversation_tokens import read_as_a_story
from minigpt.finetuning.supervised import fits
from minigpt.library.catalogue import available_models
from minigpt.library.finetuned import (
    base_path,
    finetuned_models,
    finetuning_of,
    finetuning_runs,
)
from minigpt.model import create_model
from minigpt.runs import RunStore
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.chat import Message, encode_chat
from minigpt.worker.worker import train_run
from pages.frame.words import plain

PAGE = "pages/finetuning/finetuning.py"
OWN = [
    {"instruction": f"Who had <b>the</b> {thing}?", "output": f"*{name}* had it."}
    for name, thing in [("Mia", "kite"), ("Tom", "drum"), ("Ann", "boat")]
]
TINY = {"max_steps": 4, "batch_size": 2, "eval_interval": 2, "num_threads": 1}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Return a data directory with a base `tales`, and four tunings of it."""
    data = tmp_path_factory.mktemp("tuned")
    tokenizer = BPETokenizer(400)
    tokenizer.build_vocab(generate_tales(30_000))
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 320}
    model = create_model("transformer", vocab_size=tokenizer.vocab_size, **sizes)
    base = save_checkpoint(data / "models" / "tales", model, tokenizer)
    own = data / "own.jsonl"
    own.write_text("\n".join(map(json.dumps, OWN)), encoding="utf-8")
    for name, settings in {
        "answers": {},
        "thin": {"lora_rank": 2, "lora_targets": ("output",)},
        "prefers": {"method": "dpo"},
        "mine": {"examples": str(own)},
    }.items():
        finetune = FinetuneConfig(base=str(base), tales_examples=8, **settings)
        train = TrainConfig(learning_rate=0.01, checkpoint_steps=(0,), **TINY)
        config = RunConfig(finetune=finetune, train=train)
        train_run(RunStore(data / "runs").create(config, name))
    return data


def start_button(app):
    return next(button for button in app.button if button.label == "Start fine-tuning")


def texts(app):
    return [text.value for text in app.text]


def views(app, name):
    return [
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == f"minigpt.{name}"
    ]


def numbers(shown, line):
    """Return the printed losses of the learned tokens in one model's line."""
    exact = shown["exact"][line]
    return [float(n) for n, is_in in zip(exact, shown["learned"], strict=True) if is_in]


def answer_losses(who, messages):
    row = encode_chat(messages, who.tokenizer)
    ids = torch.tensor([token for token, _ in row])
    with torch.inference_mode():
        logits = who.model(ids[None, :-1])[0]
    losses = F.cross_entropy(logits, ids[1:], reduction="none")
    return [float(x) for x, (_, mark) in zip(losses, row[1:], strict=True) if mark]


def pasted(app, *lines):
    app.button_group(key="examples_from").set_value("paste").run()
    text = "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines)
    return app.text_area(key="pasted_sft").set_value(text).run()


def test_at_first_sight_an_example_is_shown_as_the_base_reads_it(open_page, tuned):
    app = pasted(open_page(PAGE, data=tuned), *OWN)
    assert not app.exception
    assert app.selectbox(key="tuning").value == "new tuning"
    (shown,) = views(app, "masked_loss")
    # The shortest of those that are not held out is the first.
    messages = [Message("user", OWN[0]["instruction"])]
    messages.append(Message("assistant", OWN[0]["output"]))
    base = ready_to_chat(load_checkpoint(tuned / "models/tales"))
    expected = answer_losses(base, messages)
    assert numbers(shown, 0) == pytest.approx(expected, abs=1e-4)
    assert [shown["pieces"][turn["start"]] for turn in shown["turns"]] == [
        "<user>",
        "<assistant>",
    ]
    mean = f"{sum(expected) / len(expected):.3f} nats"
    assert any(mean in each.value for each in app.markdown)
    assert not any("<b>" in each.value for each in app.markdown)
    assert not start_button(app).disabled


def test_tales_are_what_is_learned_by_default(open_page, tuned):
    app = open_page(PAGE, data=tuned)
    assert not app.exception
    (shown,) = views(app, "masked_loss")
    assert shown["models"] == ["tales"]
    assert any("**6,000** examples" in each.value for each in app.caption)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (OWN[0] | {"output": 7}, "line 2: output is 7: it must be text"),
        (OWN[0] | {"ouput": "x"}, "line 2: unknown key 'ouput'"),
        (OWN[0] | {"output": "kite " * 400}, "line 2: the conversation is"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "line 2: the roles"),
        ("{", "line 2:"),
    ],
)
def test_a_wrong_line_is_told_with_its_number_before_the_start(
    open_page, tuned, line, complaint
):
    app = pasted(open_page(PAGE, data=tuned), OWN[1], line)
    assert any(complaint in text for text in texts(app))
    assert start_button(app).disabled
    assert not app.exception


def test_a_table_of_excel_is_recognised_and_what_is_too_long_is_counted(
    open_page, tuned
):
    rows = [f"Who had kite {n}?;Mia – then Tom." for n in range(12)]
    table = "\n".join(["Question;Answer", *rows, f"Who?;{'kite ' * 400}", *rows])
    app = open_page(PAGE, data=tuned)
    app.button_group(key="examples_from").set_value("upload").run()
    app.file_uploader(key="examples").upload("e.csv", table.encode("cp1252")).run()
    assert not app.exception
    said = " ".join(each.value for each in app.caption).replace("\\", "")
    assert "e.csv: not UTF-8, so read as Windows-1252" in said
    assert "Read as a table with semicolons: 25 rows of Question → Answer." in said
    assert "1 of 23 examples is longer than max_seq_len = 320 tokens" in said
    assert not start_button(app).disabled


def test_an_adapter_says_how_few_weights_learn(open_page, tuned):
    app = pasted(open_page(PAGE, data=tuned), *OWN)
    app.button_group(key="what_changes").set_value("LoRA").run()
    app.number_input(key="tune.sft.lora.lora_rank").set_value(2).run()
    # Two layers: qkv is 48 × 16, output 16 × 16.
    learning = 2 * 2 * ((48 + 16) + (16 + 16))
    assert any(
        f"**{learning}** weights are trained" in each.value for each in app.caption
    )
    app.number_input(key="tune.sft.lora.lora_rank").set_value(17).run()
    assert any("lora_rank is 17" in text for text in texts(app))


def test_without_examples_the_button_says_why_it_is_disabled(open_page, tuned):
    app = pasted(open_page(PAGE, data=tuned), " ")
    assert start_button(app).disabled
    assert "Choose usable examples first" in start_button(app).help


def test_preferences_begin_from_a_model_that_answers(open_page, tuned):
    app = open_page(PAGE, data=tuned)
    app.button_group(key="method").set_value("DPO").run()
    assert app.selectbox(key="base_of_dpo").value in ("answers", "thin", "mine")
    assert len(views(app, "masked_loss")) == 2
    app.selectbox(key="base_of_dpo").set_value("tales").run()
    assert any("tune it with SFT first" in text for text in texts(app))


def test_what_cannot_be_a_base_is_told_in_place(open_page, models):
    app = open_page(PAGE)  # characters, and a window of 64
    assert any("no example of tales is so short" in text for text in texts(app))
    assert start_button(app).disabled
    (shown,) = views(app, "masked_loss")  # a short one, to see the mask all the same
    assert "".join(shown["pieces"]).endswith("<assistant>Mia.<eos>")
    app.selectbox(key="base_of_sft").set_value("mlp").run()
    app = pasted(app, *OWN)
    app.button_group(key="what_changes").set_value("LoRA").run()
    assert any("LoRA adapts attention" in text for text in texts(app))
    assert not app.exception


def test_before_and_after_are_the_losses_of_both_models(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="mine")
    assert not app.exception
    (shown,) = views(app, "masked_loss")
    assert shown["models"] == ["before: tales", "after: mine"]
    base = ready_to_chat(load_checkpoint(tuned / "models/tales"))
    after = load_checkpoint(RunStore(tuned / "runs").open("mine").best)
    held_out = [Message("user", OWN[2]["instruction"])]
    held_out.append(Message("assistant", OWN[2]["output"]))
    for line, who in enumerate((base, after)):
        expected = answer_losses(who, held_out)
        assert numbers(shown, line) == pytest.approx(expected, abs=1e-4)


def test_at_step_0_nothing_has_changed(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="answers")
    app.select_slider(key="tuned_step_answers").set_value(0).run()
    (shown,) = views(app, "masked_loss")
    assert shown["exact"][0] == shown["exact"][1]


def test_a_pair_shows_both_answers_and_their_sums(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="prefers")
    both = views(app, "masked_loss")
    assert len(both) == 2
    for shown in both:
        sums = " → ".join(f"{-sum(numbers(shown, line)):.2f}" for line in (0, 1))
        assert any(sums[:6] in each.value for each in app.markdown)


def test_an_adapters_shares_are_zero_beside_its_targets(open_page, view, tuned):
    app = open_page(PAGE, data=tuned, tuning="thin", look="Weights")
    assert not app.exception
    shown = view(app, "value_grid")
    assert shown["columns"] == ["q", "k", "v", "o", "mlp in", "mlp out"]
    touched = [[text != "·" for text in row] for row in shown["texts"]]
    assert touched == [[False, False, False, True, False, False]] * 2
    old = load_checkpoint(tuned / "models/tales").model
    run = RunStore(tuned / "runs").open("thin")
    new = load_checkpoint(run.best).model
    weights = [m.blocks[1].attn.output.weight.detach() for m in (old, new)]
    share = float((weights[1] - weights[0]).norm() / weights[0].norm())
    assert shown["numbers"][1][3] == f"{share:.5f}"


@pytest.mark.parametrize("look", ["One example", "Weights", "Heads", "Answers"])
@pytest.mark.parametrize("name", ["answers", "thin"])
def test_the_code_under_each_figure_gives_its_numbers(open_page, tuned, name, look):
    app = open_page(PAGE, data=tuned, tuning=name, look=look)
    assert not app.exception
    recipes = app.session_state["_recipes"]
    assert recipes
    for recipe in recipes.values():
        names = {}
        exec(recipe.lines, names)
        found = names[recipe.variable]
        found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
        np.testing.assert_allclose(
            np.asarray(found, float), np.asarray(recipe.drawn, float), atol=1e-4
        )


def test_the_margins_of_a_run_are_drawn_and_handed_out(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="prefers", look="Progress")
    assert not app.exception
    recipe = app.session_state["_recipes"]["preferences"]
    records = RunStore(tuned / "runs").open("prefers").metrics().records
    margins = [r["margin"] for r in records if r["kind"] == "step"]
    assert recipe.drawn == margins
    names = {}
    exec(recipe.lines, names)
    assert names[recipe.variable] == margins


def asked_of(who, split="held_out"):
    return next(questions(1, split, fits(who.tokenizer, 320 - 16)))


def tables(app):
    return [each.value for each in app.table]


def test_base_and_tuned_answer_on_the_same_tokens_and_the_base_as_a_story_asks_too(
    open_page, tuned
):
    app = open_page(PAGE, data=tuned, tuning="answers", look="Answers")
    assert not app.exception
    _, table = tables(app)
    after = load_checkpoint(RunStore(tuned / "runs").open("answers").best)
    base = ready_to_chat(load_checkpoint(tuned / "models/tales"))
    asked = asked_of(after)
    settings = GenerationConfig(strategy="greedy", max_new_tokens=24)
    assert table["question"][0] == plain(asked.question.text)
    for column, who in (("tales, same tokens", base), ("answers", after)):
        said = reply(who.model, who.tokenizer, asked.prompt, settings)
        assert table[plain(column)][0][2:] == plain(said)
    read = read_as_a_story(asked.story, asked.question.text, base.tokenizer)
    told = Answer(base.model, base.tokenizer, read, settings, '"').text_in_full()
    assert table[plain("tales, as a story asks")][0][2:] == plain(told)
    assert any("of 6** right word for word" in each.value for each in app.markdown)


def test_words_that_it_never_met_are_counted_beside_those_it_knows(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="answers", look="Answers")
    counts, _ = tables(app)
    assert list(counts["stories in"]) == ["words it knows", "words it never met"]
    assert list(counts["answers"]) == ["0 of 6", "not asked"]
    app.button_group(key="answers_words").set_value("words it never met").run()
    counts, table = tables(app)
    assert list(counts["answers"]) == ["0 of 6", "0 of 6"]
    after = load_checkpoint(RunStore(tuned / "runs").open("answers").best)
    assert table["question"][0] == plain(asked_of(after, "new").question.text)
    more = next(each for each in app.button if each.label == "Ask 12 more")
    more.click().run()
    assert list(tables(app)[0]["answers"]) == ["0 of 6", "0 of 18"]


def test_of_a_file_learned_and_unseen_answers_stand_side_by_side(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="mine", look="Answers")
    assert not app.exception
    learned, unseen = tables(app)
    assert list(learned["right"]) == [plain(each["output"]) for each in OWN[:2]]
    assert list(unseen["right"]) == [plain(OWN[2]["output"])]
    assert [each.value for each in app.markdown if "right word for word" in each.value]


def test_of_a_file_the_last_step_is_opened_and_not_the_lowest_held_out_loss(tuned):
    run = RunStore(tuned / "runs").open("mine")
    assert run.best == run.latest
    assert (run.path / "checkpoints" / "best_model").is_dir()
    tales = RunStore(tuned / "runs").open("answers")
    assert tales.best.name == "best_model"


def test_a_wrong_file_is_named_as_the_reader_named_it(open_page, tuned):
    app = pasted(open_page(PAGE, data=tuned), OWN[1], "{")
    (told,) = (text for text in texts(app) if "line 2:" in text)
    assert "Your examples, line 2: Expecting" in told
    assert str(tuned) not in told


def test_lora_on_a_file_of_ones_own_says_how_new_its_pieces_are(open_page, tuned):
    app = pasted(open_page(PAGE, data=tuned), *OWN)
    assert not any("LoRA leaves the embeddings" in text for text in texts(app))
    app.button_group(key="what_changes").set_value("LoRA").run()
    (told,) = (text for text in texts(app) if "LoRA leaves the embeddings" in text)
    base = ready_to_chat(load_checkpoint(tuned / "models/tales"))
    losses = [
        answer_losses(
            base,
            [
                Message("user", each["instruction"]),
                Message("assistant", each["output"]),
            ],
        )
        for each in OWN[:2]
    ]
    mean = sum(sum(each) / len(each) for each in losses) / 2
    assert f"costs this base {mean:.1f} nats" in told


def test_the_heads_lead_to_compare_with_both_models(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="answers", look="Heads")
    assert len(views(app, "value_grid")) == 2
    button = next(each for each in app.button if "Compare both" in each.label)
    button.click().run()
    assert not app.exception
    assert app.session_state["model"] == "answers"
    assert app.selectbox(key="against").value == "tales"
    assert len(views(app, "value_grid")) == 1


def test_the_check_is_graded_by_these_models(open_page, tuned):
    app = open_page(PAGE, data=tuned, tuning="thin")
    question = next(each for each in app.radio if "LoRA adapter" in each.label)
    assert "of rank 2 learn" in question.label
    question.set_value(question.options.index("64")).run()
    assert any("✓ Right" in each.value for each in app.markdown)


def test_an_unknown_tuning_in_the_url_is_said_and_a_new_one_is_offered(
    open_page, tuned
):
    app = open_page(PAGE, data=tuned, tuning="answrs")
    assert any("no tuning 'answrs'" in t and "'answers'" in t for t in texts(app))
    assert start_button(app)


def test_a_tuning_whose_base_is_gone_says_so(open_page, tuned, tmp_path):
    data = tmp_path / "moved"
    shutil.copytree(tuned / "runs", data / "runs")
    run = RunStore(data / "runs").open("answers")
    gone = run.config.finetune.replace(base="/nowhere/models/gone")
    run.write_config(run.config.replace(finetune=gone.to_dict()))
    app = open_page(PAGE, data=data, tuning="answers")
    assert not app.exception
    assert any("no longer exists" in text for text in texts(app))


def test_a_shipped_tuned_model_is_opened_at_once(open_page, tuned, tmp_path):
    data = tmp_path / "shipped"
    shutil.copytree(tuned / "models", data / "models")
    best = tuned / "runs/answers/checkpoints/best_model"
    shutil.copytree(best, data / "models" / "tales-chat")
    app = open_page(PAGE, data=data)
    assert not app.exception
    assert app.selectbox(key="tuning").value == "tales-chat"
    (shown,) = views(app, "masked_loss")
    assert shown["models"] == ["before: tales", "after: tales-chat"]


def test_tunings_are_told_from_other_models_and_bases_are_found(tuned, tmp_path):
    names = {each.entry.id for each in finetuned_models(available_models(tuned))}
    assert names == {"answers", "thin", "prefers", "mine"}
    assert finetuning_of(tuned / "models/tales") is None
    store = RunStore(tuned / "runs")
    store.create(RunConfig(), "plain")
    assert {run.id for run in finetuning_runs(store)} == names
    store.delete("plain")
    elsewhere = FinetuneConfig(base="/other/machine/data/models/tales")
    assert base_path(elsewhere, tuned) == tuned / "models/tales"


def test_every_stop_of_the_tour_tells_what_the_page_shows(open_page, tuned, walk):
    app = open_page(PAGE, data=tuned, tuning="answers")
    seen = []
    for stop in walk(app):
        words = stop.words
        seen.append(
            app.session_state["look"]
            if app.selectbox(key="tuning").value == "answers"
            else "a new one"
        )
        if "Only the answer" in words:
            (shown,) = views(app, "masked_loss")
            count, learned = len(shown["pieces"]), sum(shown["learned"])
            assert f"Of these {count} tokens the loss counts {learned}" in words
            place = shown["selected"]
            assert f"framed token, “{shown['pieces'][place]}”," in words
            before, after = (float(row[place]) for row in shown["exact"])
            gains = [
                float(one) - float(two)
                for one, two, is_in in zip(
                    *shown["exact"], shown["learned"], strict=True
                )
                if is_in
            ]
            assert before - after == pytest.approx(max(gains), abs=1e-3)
        if "Asked" in words:
            quoted = re.findall("“([^”]{1,30})", words)
            told = [*texts(app), *(each.value for each in app.markdown)]
            assert all(any(plain(q) in t or q in t for t in told) for q in quoted[:3])
        if "moved furthest" in words:
            (grid,) = views(app, "value_grid")
            shares = [float(t) for row in grid["texts"] for t in row if t != "·"]
            told = float(re.search(r"only ([\d.]+)%", words)[1]) / 100
            assert told == pytest.approx(max(shares), abs=6e-4)
        if "two thin ones" in words:
            thin = re.search(r"with ([\d,]+) numbers", words)[1]
            assert any(f"with {thin} numbers" in each.value for each in app.markdown)
    assert set(seen) == {"One example", "Answers", "Weights", "Heads", "a new one"}
    assert seen[-1] == "a new one"


@pytest.mark.parametrize("tuning", ["thin", "prefers", "mine", "new tuning"])
def test_every_kind_of_fine_tuning_has_a_tour(open_page, tuned, tuning):
    app = open_page(PAGE, data=tuned, tuning=tuning)
    app.button(key="take_tour").click().run()
    assert not app.exception
    assert 6 <= len(app.session_state["_tour"].stops) <= 10
