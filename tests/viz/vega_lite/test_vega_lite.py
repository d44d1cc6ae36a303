"""Charts are what Altair makes of the same lines, and so what Vega-Lite knows."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import altair
import numpy as np
import pandas as pd
import pytest

from viz import vega_lite
from viz.circuits.circuit_graph import GraphLine
from viz.circuits.head_graph import Line
from viz.circuits.head_scatter import Axis, scatter_table
from viz.circuits.node_layout import GraphNode
from viz.circuits.path_graph import DrawnPath
from viz.circuits.removals import removal_table
from viz.classroom.arms import arm_table
from viz.classroom.misses import miss_table
from viz.embedding_drift import drift_table
from viz.embeddings import CHOSEN, OTHER, point_table
from viz.finetuning import preference_table, reads_table, right_answers_table
from viz.heads import ELSEWHERE, HERE, HabitBar, ScoreOnText
from viz.learning.influence import ORIGINAL, WITHOUT_TOP
from viz.learning.scaling import GUESS, TRAINED, SizePoint, SizeTrack
from viz.lens_charts import output_distance_table, race_table
from viz.merges import script_table
from viz.pairs.means import LINES as MEAN_LINES
from viz.pairs.means import means_table
from viz.positions import distance_table, loss_table
from viz.race import Track
from viz.vega_lite import lettering

PIECES, FIRST, SECOND = [" a", "<b>"], np.array([0.75, 0.25]), np.array([0.5, 0.5])
JOURNAL = [
    {"kind": "step", "step": 1, "loss": 4.0, "average_loss": 4.0, "gradient_norm": 1.0},
    {"kind": "evaluation", "step": 2, "loss": 3.5},
]
PREFERENCES = [
    {
        "kind": kind,
        "step": 1,
        "chosen": -1.0,
        "rejected": -2.0,
        "margin": 0.1,
        "wins": 1,
    }
    for kind in ("step", "evaluation")
]
COPYING = {
    "step": [1, 2],
    "first_loss": [4.0, 4.0],
    "second_loss": [4.0, 1.0],
    "induction": [0.0, 0.9],
    "previous_token": [0.1, 0.8],
}
SEEN = {"last_step": 3, "uniform_loss": 4.2}
HABIT = HabitBar("itself", 0.5, 0.4, 0.6, 0.1, 0.2, float("nan"), 20)
LINES = [Line((0, 0), (1, 1), 0.5, 0.1, 0.2), Line((0, 1), (1, 0), 0.3, 0.1, 0.2)]
NODES = [GraphNode("L0H0", 1, 1, 0, 0.5), GraphNode("answer", -1, 2, 1, 1.0)]
ONE = np.array([[0.5, 0.25]])
AXIS = Axis("itself", ONE, ONE - 0.1, ONE + 0.1, (0.1, 0.2))
MEANS = means_table(["L0H0", "L1 MLP"], (FIRST, FIRST - 0.1, FIRST + 0.2))
POINTS = np.array([[0.0, 1.0], [2.0, 0.5]])
DRIFT = drift_table([0, 9], PIECES, POINTS, np.stack([POINTS, POINTS]))
RACERS = [Track("a", np.array([1.0, 2.0]), np.array([3.0, 2.0]), [(1.5, 2.5)])]


def given(*args, **kwargs):
    return args, kwargs


CHARTS = {
    "attribution.attribution_bars": [
        given(pd.DataFrame({"part": ["x", "sum"], "share": [1.0, 1.0]}), "x")
    ],
    "attribution.signed_bars": [given(["x", "y"], np.array([1.0, -2.0]), "logit")],
    "circuits.circuit_graph.circuit_graph": [
        given(
            NODES,
            [GraphLine(0, 1, "value", 0.5)],
            ["embedding", "L0", "answer"],
            PIECES,
            0,
        )
    ],
    "circuits.head_graph.band_bars": [given(LINES, "score")],
    "circuits.head_graph.head_graph": [
        given((2, 2), LINES, (0, 0)),
        given((2, 51), [], (0, 0)),
    ],
    "circuits.head_scatter.head_scatter": [
        given(scatter_table(AXIS, AXIS, (0, 0)), AXIS, AXIS)
    ],
    "circuits.path_graph.path_graph": [
        given((2, 2), [DrawnPath((0, 0), (1, 1), 0.5), DrawnPath((0, 1), None, -0.1)])
    ],
    "pairs.means.means_chart": [given(MEANS, "logits")],
    "pairs.means.lens_chart": [given(MEANS.assign(line=MEAN_LINES[0]), "logits")],
    "circuits.removals.predicted_and_measured": [
        given(removal_table(["L0H0", "L0 MLP"], [0.5, -0.1], [0.4, 0.0]))
    ],
    "circuits.token_map.token_map": [
        given(PIECES, np.eye(2), ("read", "raised"), "x", 1)
    ],
    "classroom.arms.arm_lines": [
        given(arm_table([("locked", "before", 4), ("free", "before", 6)]), 12)
    ],
    "classroom.misses.miss_bars": [given(miss_table(["a", "b"], [4, 3], [3, 1]))],
    "comparison.expected_bars": [given(PIECES, [0.6, 0.1], 1)],
    "comparison.tensor_bars": [
        given(["w", "b"], np.array([1.0, np.nan]), "relative change")
    ],
    "effects.before_after_bars": [given(PIECES, FIRST, SECOND)],
    "effects.looking_and_causing": [given(["L0H0", "L0H1"], [0.1, 0.9], [0.0, 0.5])],
    "embedding_drift.drift_lines": [given(DRIFT, " a", 0)],
    "embedding_drift.drift_paths": [given(DRIFT, [0.5, 0.2], 0)],
    "embeddings.neighbour_bars": [given(PIECES, np.array([0.5, -0.1]), 0.3)],
    "embeddings.scatter": [
        given(point_table(PIECES, POINTS, [CHOSEN, OTHER]), [0.5, 0.2]),
        given(
            point_table([" a"] * 90, np.ones((90, 2)), [CHOSEN] + [OTHER] * 89), [0.5]
        ),
    ],
    "finetuning.log_prob_lines": [given(preference_table(PREFERENCES))],
    "finetuning.margin_line": [given(preference_table(PREFERENCES))],
    "finetuning.wins_line": [given(preference_table(PREFERENCES))],
    "finetuning.reads_bars": [given(reads_table(PIECES, FIRST, SECOND))],
    "finetuning.right_answers_bars": [
        given(
            right_answers_table([("colour", {"base": 0.5, "tuned": 1.0})]),
            ["base", "tuned"],
        )
    ],
    "generation.sample_dots": [
        given(["hot", "cold"], [[1.0, 2.0], [3.0]], "mean (nats)")
    ],
    "generation.step_time_lines": [given([1, 2], {"cached": [1.0, 1.5]})],
    "heads.habits_chart": [given([HABIT])],
    "heads.two_texts_chart": [
        given([ScoreOnText("first", text, 0.3, 0.1, 0.2) for text in (HERE, ELSEWHERE)])
    ],
    "learning.charts.probability_chart": [
        given(PIECES, np.array([[0.5], [0.75]]), 1, 3)
    ],
    "learning.charts.rate_chart": [
        given([0.1, 1.0], np.array([1.5, 1.0]), 2.0, -4.0, 0.1)
    ],
    "learning.charts.steps_chart": [given(np.array([2.0, 1.0]), 1, 3)],
    "learning.influence.growth_chart": [
        given({ORIGINAL: ([0, 4], [0.1, 0.9]), WITHOUT_TOP: ([0], [0.1])}, 0.5)
    ],
    "learning.influence.influence_chart": [given(np.array([[0.5, -1.0], [2.0, 0]]), 1)],
    "learning.rounding.grid_chart": [
        given(
            (np.array([-1.0, 0.0, 1.0]), np.array([3, 2])),
            (np.array([-1.0, 0.0, 1.0]), np.array([1, 3, 1])),
        )
    ],
    "learning.rounding.rise_chart": [given({"head": 0.02, "embedding": -0.001})],
    "learning.scaling.scaling_chart": [
        given(
            [SizePoint(10, 2.0, TRAINED), SizePoint(99, 1.0, GUESS)],
            [(10, 2.0), (99, 1.0)],
        )
    ],
    "learning.scaling.tokens_chart": [
        given([SizeTrack("small", np.array([10, 20]), np.array([2.0, 1.0]))])
    ],
    "lens_charts.gap_bars": [given(race_table(["in", "out"], FIRST, SECOND))],
    "lens_charts.output_distance_lines": [
        given(output_distance_table(["in", "out"], FIRST, SECOND))
    ],
    "lens_charts.race_lines": [
        given(race_table(["in", "out"], FIRST, SECOND), " a", "b")
    ],
    "lens_charts.top_bars": [given(PIECES, FIRST)],
    "merges.compression_curve": [given([100, 80, 50], 1)],
    "merges.pair_bars": [given(["a·b", "b·c"], [5, 3])],
    "merges.script_bars": [
        given(script_table(["English"], [9], {"t": [3]}, {"t": [1]}))
    ],
    "positions.distance_lines": [
        given(distance_table(np.arange(3), np.ones((1, 3)), ["L0H0"], 0), "score", 2)
    ],
    "positions.loss_line": [given(loss_table(np.array([3.0, 2.0]), 1), 1)],
    "positions.vector_picture": [given(np.array([[0.5, -2.0]]))],
    "probabilities.next_token_bars": [given(PIECES, FIRST, SECOND)],
    "race.race_curve": [given(RACERS, {"uniform": 4.1})],
    "repetition.copying_curve": [
        given(COPYING, **SEEN, guess=2, halves={"induction": 2}),
        given({name: [] for name in COPYING}, **SEEN),
    ],
    "residual.stream_chart": [
        given(["embedding", "L0 MLP"], ["embedding", "MLP"], FIRST, SECOND)
    ],
    "step_time.step_bar": [given({"forward": 1.0, "backward": 2.0})],
    "training.baseline_layer": [given({"uniform": 4.1})],
    "training.gauge_chart": [given(JOURNAL, "gradient_norm")],
    "training.loss_curve": [given(JOURNAL, {"uniform": 4.1}), given(JOURNAL)],
}
"""Module and name, and what each call is given."""


def functions():
    """Return every function of `viz` that draws a chart, by module and name."""
    root = Path(vega_lite.__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        if "import vega_lite as vl" in path.read_text("utf-8"):
            module = ".".join(path.relative_to(root).with_suffix("").parts)
            found = inspect.getmembers(importlib.import_module(f"viz.{module}"))
            for name, function in found:
                drawn = getattr(function, "__annotations__", {}).get("return")
                is_own = getattr(function, "__module__", "") == f"viz.{module}"
                is_chart = drawn in (vega_lite.Chart, vega_lite.LayerChart)
                if is_own and is_chart and not name.startswith("_"):
                    yield f"{module}.{name}"


def test_every_chart_is_compared():
    assert set(CHARTS) == set(functions())


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name in CHARTS for call in CHARTS[name]]
)
def test_a_chart_is_what_altair_draws_of_the_same_lines(name, call, monkeypatch):
    module, _, function = name.rpartition(".")
    module = importlib.import_module(f"viz.{module}")
    args, kwargs = call
    ours = getattr(module, function)(*args, **kwargs).to_dict()
    for path in list(sys.modules):  # a chart may take its axis from another module
        if path.startswith("viz.") and hasattr(sys.modules[path], "vl"):
            monkeypatch.setattr(sys.modules[path], "vl", altair)
    monkeypatch.setattr(lettering, "Fill", altair.Fill)
    theirs = getattr(module, function)(*args, **kwargs).to_dict()
    assert plain(ours, ours["datasets"]) == plain(theirs, theirs["datasets"])


@pytest.mark.parametrize("name", CHARTS)
def test_of_the_values_that_an_axis_names_none_is_thinned_out(name):
    module, _, function = name.rpartition(".")
    draw = getattr(importlib.import_module(f"viz.{module}"), function)
    for args, kwargs in CHARTS[name]:
        spec = draw(*args, **kwargs).spec
        for axis in axes({**spec, "config": {}}):
            most = axis.get("tickCount", spec["config"]["axis"]["tickCount"])
            assert len(axis.get("values", [])) <= most


def axes(spec):
    """Yield every axis, wherever it stands in a specification."""
    for key, each in spec.items() if isinstance(spec, dict) else enumerate(spec):
        if key == "axis" and each:
            yield each
        elif isinstance(each, dict | list):
            yield from axes(each)


def plain(spec, datasets):
    """Return a specification with each layer's rows in it, without names and looks."""
    if isinstance(spec, list | tuple):
        return [plain(each, datasets) for each in spec]
    if not isinstance(spec, dict):
        return re.sub(r"^view_.*", "view", spec) if isinstance(spec, str) else spec
    left_out = ("$schema", "config", "datasets")
    found = {key: spec[key] for key in spec if key not in left_out}
    if "layer" in found:
        shared = {"data": found.pop("data")} if "data" in found else {}
        found["layer"] = [{**shared, **layer} for layer in found["layer"]]
    if "name" in found.get("data", ()):
        found["data"] = [sorted(row.items()) for row in datasets[found["data"]["name"]]]
    return {key: plain(each, datasets) for key, each in found.items()}


def test_a_chart_of_other_numbers_has_another_name_and_an_equal_one_the_same():
    draw = [
        vega_lite.Chart(pd.DataFrame({"x": ["a", "b"], "y": numbers})).mark_bar()
        for numbers in ([1.0, 2.0], [1.0, 2.0], [1.0, 2.5])
    ]
    first, same, other = (chart.spec["data"]["name"] for chart in draw)
    assert first == same != other
    assert draw[0].spec["datasets"] == {first: draw[0].data}


def test_what_json_has_no_number_for_is_null():
    table = pd.DataFrame({"y": [1.0, np.nan, np.inf]})
    (rows,) = vega_lite.Chart(table).mark_bar().to_dict()["datasets"].values()
    assert rows == [{"y": 1.0}, {"y": None}, {"y": None}]
