"""Figures are tested on the numbers that they carry."""

import json

import numpy as np
import pandas as pd
import pytest

from viz.probabilities import next_token_bars, next_token_table, probability_text
from viz.theme import NEGATIVE, POSITIVE, signed_scale
from viz.training import (
    AVERAGE,
    EACH_STEP,
    VALIDATION,
    gauge_chart,
    loss_curve,
    loss_table,
    metrics_table,
    thin,
)
from viz.vega_lite import Figure
from viz.vega_lite.lettering import enlarged

BASELINES = {"uniform": 4.1589, "bigram": 2.47}


def journal(steps: int) -> list[dict]:
    records: list[dict] = []
    for step in range(1, steps + 1):
        records.append({"kind": "step", "step": step, "loss": 4.0 - step / steps})
        records[-1] |= {"average_loss": 4.0, "learning_rate": 3e-4}
        if step % 10 == 0:
            records.append({"kind": "evaluation", "step": step, "loss": 3.5})
    return records


def drawn(chart: Figure) -> list[dict]:
    """Return every row of data inside a chart's specification."""
    spec = chart.to_dict()
    return [row for rows in spec["datasets"].values() for row in rows]


def test_the_loss_curve_carries_every_loss_and_baseline():
    rows = drawn(loss_curve(journal(20), BASELINES))
    values = {row["loss"] for row in rows}
    assert {3.0, 3.95, 3.5, 4.1589, 2.47} <= values
    assert {row.get("line") for row in rows} >= {EACH_STEP, AVERAGE, VALIDATION}


def test_baselines_are_named_with_their_values_beside_the_lines():
    spec = json.dumps(loss_curve(journal(20), BASELINES).to_dict())
    assert "uniform 4.16" in spec
    assert "bigram 2.47" in spec


def test_a_baselines_name_cannot_leave_its_string():
    spec = loss_curve(journal(20), {"x' + evil() + '": 1.0}).to_dict()
    axis = spec["layer"][1]["encoding"]["y"]["axis"]
    assert axis["labelExpr"] == "datum.value == 1.0 ? 'x  evil   1.00' : ''"


def test_axes_have_units():
    spec = json.dumps(loss_curve(journal(20)).to_dict())
    assert "loss (nats per token)" in spec
    assert '"title": "step"' in spec


def test_a_run_without_validation_or_any_step_still_has_a_curve():
    assert drawn(loss_curve([{"kind": "step", "step": 1, "loss": 4.0}]))
    assert loss_curve([]).to_dict()


def test_a_loss_that_is_not_finite_is_left_out():
    metrics = pd.DataFrame({"step": [1, 2, 3], "loss": [1.0, np.nan, np.inf]})
    assert loss_table(metrics)["step"].tolist() == [1]


def test_the_logarithmic_axis_leaves_step_0_out():
    metrics = pd.DataFrame({"step": [0, 1, 2], "loss": [3.0, 2.0, 1.0]})
    assert loss_table(metrics, log_x=True)["step"].tolist() == [1, 2]


@pytest.mark.parametrize("log_x", [False, True])
def test_a_long_run_is_drawn_with_at_most_600_points(log_x):
    assert len(loss_table(metrics_table(journal(5000)), log_x=log_x)) <= 600


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("limit", [4, 10, 600])
def test_thinning_keeps_the_ends_and_the_extremes(limit, log_x):
    generator = np.random.default_rng(1)
    table = pd.DataFrame({"step": range(7000), "loss": generator.normal(size=7000)})
    table.loc[3333, "loss"], table.loc[4444, "loss"] = 99.0, -99.0
    kept = thin(table, "loss", limit, log_x=log_x)
    assert len(kept) <= limit
    assert {0, 3333, 4444, 6999} <= set(kept["step"])
    assert kept["step"].is_monotonic_increasing


def test_a_short_table_is_not_thinned():
    table = pd.DataFrame({"step": range(600), "loss": np.zeros(600)})
    assert thin(table, "loss", 600) is table


def test_evaluations_and_steps_of_a_journal_get_their_own_columns():
    table = metrics_table(journal(10))
    assert table["loss"].count() == 10
    assert table["validation_loss"].dropna().tolist() == [3.5]


def test_a_gauge_carries_its_numbers_and_an_unknown_one_is_refused():
    assert drawn(gauge_chart(journal(5), "learning_rate"))[0]["learning_rate"] == 3e-4
    with pytest.raises(ValueError, match="no gauge 'tokens_per_second'"):
        gauge_chart(journal(5), "tokens_per_second")


def test_next_token_bars_carry_both_probabilities_of_each_piece():
    rows = drawn(next_token_bars([" a", "<b>"], [0.6, 0.4], [1.0, 0.0]))
    assert [(row["piece"], row["probability"]) for row in rows] == [
        ("0 ·a", 0.6),
        ("1 <b>", 0.4),
        ("0 ·a", 1.0),
        ("1 <b>", 0.0),
    ]


def test_probabilities_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="2 pieces but 1 raw"):
        next_token_table(["a", "b"], [0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"one is 1\.5"):
        next_token_table(["a"], [1.5], [0.5])


def test_a_small_probability_is_not_shown_as_zero():
    assert probability_text(0.0123) == "0.012"
    assert probability_text(0.00049) == "<0.001"
    assert probability_text(0.0) == "0"
    assert probability_text(1.0) == "1.000"


def test_a_signed_scale_is_symmetric_around_zero():
    scale = signed_scale(2.5)
    assert scale["domain"] == [-2.5, 0, 2.5]
    assert (scale["range"][0], scale["range"][-1]) == (NEGATIVE, POSITIVE)
    with pytest.raises(ValueError, match="> 0"):
        signed_scale(0.0)


def test_the_presented_chart_has_type_of_20_points():
    config = enlarged(loss_curve(journal(5))).to_dict()["config"]
    assert config["axis"]["labelFontSize"] >= 20
