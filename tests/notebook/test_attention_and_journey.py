"""One row and a whole text: the numbers are the app's own, and choices move them."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from notebook.conftest import TEXT, random_checkpoint

from minigpt.errors import DataError
from minigpt.interpret.heads.attention_editing import HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import attention_steps
from minigpt.interpret.stream.journey import journey as follow
from minigpt.notebook import attention, journey
from viz.components.attention_steps.view import ROWS, AttentionSheet, RowEdit
from viz.components.journey.view import JourneySheet
from viz.probabilities import probability_text
from viz.tokens import display_pieces


def tokens_of(checkpoint, text=TEXT):
    return checkpoint.tokenizer.encode(text)


def floats(packed: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), "<f4")


@pytest.mark.parametrize("scheme", ["learned", "rope", "alibi"])
def test_the_browser_gets_what_the_apps_sheet_gets(scheme):
    checkpoint = random_checkpoint(positional_encoding=scheme)
    widget = attention(checkpoint, TEXT, head=(1, 2), row=9)
    place = (checkpoint.model, tokens_of(checkpoint), 1, 2, 9)
    steps = attention_steps(*place)
    edit = HeadEdit(divisor=1.0, without_mask=True, weight=(12, 0.25))
    edited = edit_head(*place, edit)
    changed = RowEdit(
        before=steps.pattern,
        divisor=1.0,
        left_out=["scores"],
        weight=edit.weight,
        pattern=edited.pattern,
        z=edited.z,
    )
    plain = AttentionSheet(list(TEXT), steps, RowEdit(before=steps.pattern)).packed()
    drawn = {**widget.sheet, "pieces": display_pieces(widget.sheet["pieces"])}
    assert drawn == plain
    assert widget.sheet["rowNames"] == list(ROWS)
    widget.without_mask, widget.divisor, widget.weight = True, 1, (12, 0.25)
    expected = AttentionSheet(list(TEXT), edited.steps, changed).packed()
    drawn = {**widget.sheet, "pieces": display_pieces(widget.sheet["pieces"])}
    assert drawn == expected
    assert widget.kl == edited.here.kl > 0
    for _, before, after in widget.prediction:
        assert before in edited.here.before
        assert after in edited.here.after
    widget.undo()
    assert widget.sheet == {**plain, "pieces": list(TEXT)}


def test_a_weight_that_is_set_is_the_models_own_and_moves_its_prediction(checkpoint):
    model, tokens = checkpoint.model, torch.tensor([tokens_of(checkpoint)])
    widget = attention(checkpoint, TEXT)
    widget.set_state({"weight": [3, 1]})

    def read_one(pattern, hook):
        pattern[0, 0, -1] = torch.eye(len(TEXT))[3]

    hooks = [("blocks.0.attn.hook_pattern", read_one)]
    with torch.inference_mode():
        after = model.run_with_hooks(tokens, hooks)[0, -1].softmax(-1)
        before = model(tokens)[0, -1].softmax(-1)
    texts = checkpoint.tokenizer.pieces(list(range(len(after))))
    for text, *shares in widget.prediction:
        token = texts.index(text)
        assert shares == pytest.approx(
            [float(before[token]), float(after[token])], abs=1e-6
        )
    assert texts[int(before.argmax())] == widget.prediction[0][0]


def test_what_belongs_to_a_row_leaves_with_it(checkpoint):
    widget = attention(checkpoint, TEXT, row=9)
    widget.set_state({"weight": [9, 0.5], "cell": ["raw", 3], "divisor": 1.5})
    assert (widget.weight, widget.cell) == ((9, 0.5), ("raw", 3))
    widget.set_state({"row": 4})
    assert (widget.weight, widget.cell, widget.divisor) == (None, None, 1.5)
    assert widget.sheet["query"] == 4
    widget.without_mask = True
    widget.weight = (7, 0.5)
    widget.without_mask = False
    assert widget.weight is None
    wrong = [
        ("row", -1, "row -1 lies outside: the text has 0 to 21"),
        ("cell", ("raw", 22), "22 lies outside"),
        ("weight", (5, 0.5), "Token 4 reads tokens 0 to 4: it has no weight on 5"),
        ("weight", (1, 1.5), "from 0 to 1, but 1.5"),
        ("divisor", 9.0, "to √d_head = 2.828, not 9"),
    ]
    for name, value, told in wrong:
        with pytest.raises(DataError, match=told):
            setattr(widget, name, value)
        assert widget.row == 4
        assert widget.weight is None


def test_the_row_stands_in_the_picture_with_its_numbers(checkpoint):
    widget = attention(checkpoint, TEXT, row=2)
    rows = [
        [cell.text for cell in line]
        for line in ElementTree.fromstring(widget.picture())
    ]
    assert rows[0] == ["e reads", *TEXT.replace(" ", "·")]
    weights = [f"{weight:.3f}" for weight in widget.weights]
    assert rows[-1] == ["weight", *weights]
    assert rows[-2][4:] == ["−∞"] * (len(TEXT) - 3)


def test_the_roads_are_the_apps(checkpoint):
    tokens = tokens_of(checkpoint)
    found, pieces = follow(checkpoint.model, tokens), checkpoint.tokenizer.pieces
    sheet = JourneySheet(
        pieces(tokens),
        found.stages,
        found.d_model,
        [pieces(row) for row in found.expected.tolist()],
        found.probabilities,
        found.expected[-1].tolist(),
    )
    expected = sheet.packed(slice(0, 64))
    widget = journey(checkpoint, TEXT)
    drawn = widget.sheet
    for name in ("first", "count", "width"):
        assert drawn[name] == expected[name]
    for name in ("pieces", "expected"):
        assert display_pieces(drawn[name]) == expected[name]
    assert [probability_text(each) for each in drawn["likely"]] == expected["likely"]
    for mine, apps in zip(drawn["stages"], expected["stages"], strict=True):
        assert {**mine, **apps} == apps | {n: apps[n] for n in mine}  # The same names.
        assert mine["added"] == pytest.approx(apps["added"], rel=1e-4)
        assert mine["stream"] == pytest.approx(apps["stream"], rel=1e-4)
        for one, other in zip(mine["reads"], apps["reads"], strict=True):
            assert one == pytest.approx(other, abs=1e-4)
    for mine, apps in zip(drawn["next"], expected["next"], strict=True):
        assert (mine["token"], mine["share"]) == (apps["token"], apps["share"])


def test_a_clicked_token_is_appended_and_no_other(checkpoint):
    widget = journey(checkpoint, TEXT)
    token = widget.journey.expected[-1].tolist()[1]
    text, probability = widget.next[1]
    assert probability == pytest.approx(widget.sheet["next"][1]["share"])
    widget.set_state({"token": 3, "stage": 2})
    assert widget.stages[widget.stage].kind == "MLP"
    widget._handle_custom_msg({"append": token}, [])
    assert widget.text == TEXT + text
    assert (widget.token, widget.sheet["count"]) == (len(TEXT), len(TEXT) + 1)
    again = follow(checkpoint.model, tokens_of(checkpoint, TEXT + text))
    assert np.array_equal(widget.stages[-1].stream, again.stages[-1].stream)
    others = set(range(checkpoint.tokenizer.vocab_size))
    (unlikely, *_) = others - set(widget.journey.expected[-1].tolist())
    for wrong in ({"append": unlikely}, {"append": "x"}, {}, None, "append"):
        widget._handle_custom_msg(wrong, [])
        assert widget.text == TEXT + text


def test_a_journey_refuses_what_is_not_there_and_stays_where_it_was(checkpoint):
    widget = journey(checkpoint, TEXT)
    wrong = [
        ("text", "", "The prompt is empty"),
        ("text", "a" * 201, "shorten it by 1"),
        ("token", 22, "token 22 lies outside: the text has 0 to 21"),
        ("stage", 9, "stage 9 lies outside: the model has 0 to 4"),
    ]
    for name, value, told in wrong:
        with pytest.raises(DataError, match=told):
            setattr(widget, name, value)
    assert (widget.text, widget.token, widget.sheet["count"]) == (TEXT, 21, 22)


def test_of_a_long_text_the_roads_from_the_chosen_token_on_are_drawn(checkpoint):
    widget = journey(checkpoint, "the cat " * 10)
    assert (widget.token, widget.sheet["first"], widget.sheet["count"]) == (79, 16, 80)
    assert len(widget.sheet["pieces"]) == 64
    widget.token = 3
    assert (widget.sheet["first"], "".join(widget.sheet["pieces"][:4])) == (3, " cat")
    reads = widget.sheet["stages"][1]["reads"]
    mean = widget.stages[1].attention
    assert all(mean[3 + q, 3 + k] == pytest.approx(w) for q, k, w in reads)


def test_the_journeys_picture_ends_in_what_the_model_says(checkpoint):
    widget = journey(checkpoint, "<&> cat")
    *_, last = ElementTree.fromstring(widget.picture())
    likeliest = [each[0] for each in widget.journey.expected.tolist()]
    shown = [cell.text for cell in last]
    assert shown == [
        "next",
        *(p.replace(" ", "·") for p in checkpoint.tokenizer.pieces(likeliest)),
    ]
    assert re.search(
        r"7 tokens pass 5 parts; after 't', '.+' is like", widget.summary()
    )
