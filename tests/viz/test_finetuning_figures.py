"""A conversation as the loss sees it, a change as a product, curves of preferences."""

import base64
import json
import math

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from viz.components.low_rank.view import low_rank
from viz.components.masked_loss.view import masked_loss
from viz.finetuning import (
    log_prob_lines,
    margin_line,
    preference_table,
    reads_bars,
    reads_table,
    right_answers_bars,
    right_answers_table,
    wins_line,
)

NAN = float("nan")


def shown(script, *arguments):
    app = AppTest.from_function(script, args=arguments)
    app.run()
    assert not app.exception
    return json.loads(app.get("bidi_component")[0].proto.json)


def masked(pieces, learned, losses, turns=(0,)):
    def script(pieces, learned, losses, turns):
        from viz.components.masked_loss.view import masked_loss

        masked_loss(pieces, learned, losses, key="masked", turns=turns)

    return shown(script, pieces, learned, losses, turns)


def test_both_models_share_one_scale_that_only_learned_tokens_set():
    data = masked(
        ["<user>", " Who", "<assistant>", " Mia", "<eos>"],
        [False, False, False, True, True],
        {"before": [NAN, 30.0, 9.0, 3.2, 0.0], "after": [NAN, 30.0, 9.0, 0.4, 0.0]},
        (0, 2),
    )
    assert data["limit"] == "4"
    assert data["levels"][0][3:] == [round(3.2 / 4 * 255), 0]
    assert data["levels"][1][3:] == [round(0.4 / 4 * 255), 0]
    assert data["exact"][0] == [None, "30.0000", "9.0000", "3.2000", "0.0000"]
    assert data["turns"] == [
        {"start": 0, "end": 2, "learned": False},
        {"start": 2, "end": 5, "learned": True},
    ]
    assert data["firstLearned"] == 3


def test_pieces_are_shown_with_their_spaces_and_line_ends():
    data = masked(["a\n", " b"], [False, True], {"one": [NAN, 0.1]})
    assert data["pieces"] == ["a⏎", "·b"]
    assert data["breaks"] == [True, False]


def test_losses_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"2 pieces, but 2 marks and losses of \[1\]"):
        masked_loss(["a", "b"], [False, True], {"one": [1.0]}, key="k")
    with pytest.raises(ValueError, match="has no loss"):
        masked_loss(["a"], [True], {"one": [NAN]}, key="k")
    with pytest.raises(ValueError, match="at least one model"):
        masked_loss(["a"], [True], {}, key="k")


def test_a_product_is_handed_over_as_its_two_matrices():
    def script():
        import numpy as np

        from viz.components.low_rank.view import low_rank

        low_rank(np.arange(6.0).reshape(3, 2), np.ones((2, 4)), name="x", key="product")

    data = shown(script)
    assert (data["out"], data["rank"], data["in"]) == (3, 2, 4)
    sent = np.frombuffer(base64.b64decode(data["b"]), "<f4")
    assert sent.tolist() == [0, 1, 2, 3, 4, 5]


def test_what_cannot_be_multiplied_is_refused():
    with pytest.raises(ValueError, match=r"B \[3, 2\] times A \[3, 4\] is no product"):
        low_rank(np.zeros((3, 2)), np.zeros((3, 4)), name="x", key="product")


def journal():
    steps = [
        {"kind": "step", "step": n, "loss": 0.6, "chosen": -4.0 + n, "rejected": -5.0,
         "margin": float(n), "wins": 0.5}
        for n in range(1, 13)
    ]  # fmt: skip
    evaluation = {"kind": "evaluation", "step": 12, "loss": 0.5, "chosen": -3.0}
    evaluation |= {"rejected": -6.0, "margin": 2.0, "wins": 0.75}
    return [*steps, evaluation, {"kind": "step", "step": 13, "loss": 1.0}]


def test_a_line_is_the_mean_of_eight_steps_and_dots_are_held_out():
    table = preference_table(journal())
    margins = table[(table["measure"] == "margin") & (table["source"] == "training")]
    assert margins["step"].tolist() == list(range(1, 13))
    assert margins["average"].iloc[0] == 1
    assert margins["average"].iloc[-1] == pytest.approx(sum(range(5, 13)) / 8)
    dots = table[table["source"] == "held out"]
    assert dict(zip(dots["measure"], dots["value"], strict=True)) == {
        "chosen": -3.0,
        "rejected": -6.0,
        "margin": 2.0,
        "wins": 0.75,
    }


@pytest.mark.parametrize("draw", [log_prob_lines, margin_line, wins_line])
def test_curves_can_be_drawn_from_the_first_record_on(draw):
    assert preference_table([]).empty
    for records in (journal()[:1], journal()):
        spec = draw(preference_table(records)).to_dict()
        titles = [layer["encoding"]["y"].get("title") for layer in spec["layer"]]
        assert any(titles)


def test_right_answers_name_who_gave_them_and_leave_out_who_was_not_asked():
    rows = [("colour (4)", {"nobody": 0.5, "base": None, "tuned": 1.0})]
    table = right_answers_table(rows)
    assert table["who"].tolist() == ["nobody", "tuned"]
    assert table["text"].tolist() == ["50%", "100%"]
    spec = right_answers_bars(table, ["nobody", "base", "tuned"]).to_dict()
    colours = spec["layer"][0]["encoding"]["color"]["scale"]
    assert colours["domain"] == ["nobody", "tuned"]
    assert len(colours["range"]) == 2


def test_reads_are_those_strongest_before_or_after_in_the_texts_order():
    before = np.array([0.1, 0.7, 0.1, 0.1])
    after = np.array([0.0, 0.1, 0.0, 0.9])
    table = reads_table([" a", " b", " c", " d"], before, after, 2)
    assert table["piece"].tolist() == ["1 ·b", "1 ·b", "3 ·d", "3 ·d"]
    assert table["weight"].tolist() == pytest.approx([0.7, 0.1, 0.1, 0.9])
    assert not math.isnan(table["weight"].sum())
    reads_bars(table).to_dict()
    with pytest.raises(ValueError, match="as many of each"):
        reads_table([" a"], before, after)
