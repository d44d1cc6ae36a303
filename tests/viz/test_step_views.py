"""The two views in steps: what a page hands them is checked, and nothing is lost."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from viz.attention import pack_floats
from viz.components.attention_steps.view import (
    AttentionSheet,
    RowEdit,
    attention_steps,
    read_divisor,
    read_weight,
)
from viz.components.residual_block.view import BlockSheet, residual_block
from viz.residual import stream_chart, stream_table

RNG = np.random.default_rng(0)


def made_up_steps(count=3, width=4):
    row = RNG.normal(size=count)
    vectors = RNG.normal(size=(count, width))
    return SimpleNamespace(
        query=count - 1,
        x=vectors,
        projection=SimpleNamespace(
            dimension=1, row=vectors[0], bias=0.5, value=2.0, normalized=False
        ),
        plain_q=vectors[0],
        plain_k=vectors,
        q=vectors[0],
        k=vectors,
        v=vectors,
        raw=row,
        scaled=row,
        softcap=None,
        bent=None,
        bias=None,
        biased=None,
        scores=row,
        pattern=np.full(count, 1 / count),
        z=vectors[0],
        turned=False,
    )


def test_floats_arrive_as_they_were_infinities_too():
    values = np.array([[1.5, -np.inf], [0.0, 3e-7]], dtype=np.float32)
    arrived = np.frombuffer(base64.b64decode(pack_floats(values)), dtype="<f4")
    np.testing.assert_array_equal(arrived, values.ravel())


def test_a_sheet_wants_a_number_for_every_piece():
    with pytest.raises(ValueError, match=r"2 pieces need raw of \[2\], not \[3\]"):
        AttentionSheet(["a", "b"], made_up_steps())


def test_a_cell_outside_the_sheet_is_refused():
    sheet = AttentionSheet(["a", "b", "c"], made_up_steps())
    with pytest.raises(ValueError, match="lies outside"):
        attention_steps(sheet, ("raw", 3), key="sheet")


@pytest.mark.parametrize("message", [None, [1], [1, True], ["a", 0.5], [1, "x"]])
def test_a_weight_that_is_none_is_refused(message):
    with pytest.raises(TypeError):
        read_weight(message)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_lies_in_0_to_1(weight):
    assert read_weight([2, 0.25]) == (2, 0.25)
    with pytest.raises(ValueError, match="lies in 0–1"):
        read_weight([2, weight])


@pytest.mark.parametrize("message", [None, True, "2", [2]])
def test_a_divisor_that_is_none_is_refused(message):
    with pytest.raises(TypeError):
        read_divisor(message)


@pytest.mark.parametrize("divisor", [0, -1, 0.99, float("nan"), float("inf")])
def test_a_divisor_is_at_least_1(divisor):
    assert read_divisor(2.5) == 2.5
    with pytest.raises(ValueError, match="at least 1"):
        read_divisor(divisor)


def test_what_was_changed_is_sent_with_the_row_as_it_was():
    steps = made_up_steps()
    plain = AttentionSheet(["a", "b", "c"], steps).packed()
    assert plain["before"] is plain["weighed"] is None
    edit = RowEdit(
        steps.pattern,
        divisor=1.5,
        left_out=["scores"],
        weight=(1, 0.75),
        pattern=np.array([0.125, 0.75, 0.125]),
        z=steps.z,
    )
    sent = AttentionSheet(["a", "b", "c"], steps, edit).packed()
    assert (sent["divisor"], sent["leftOut"]) == (1.5, ["scores"])
    assert (sent["weighed"]["key"], sent["weighed"]["weight"]) == (1, 0.75)
    pattern = np.frombuffer(base64.b64decode(sent["weighed"]["pattern"]), "<f4")
    np.testing.assert_allclose(pattern, edit.pattern)


def made_up_block(width=6, heads=2):
    vector = RNG.normal(size=width)
    norm = SimpleNamespace(
        mean=0.1, scale=2.0, normalized=vector, out=vector, weight=vector, shift=None
    )
    return SimpleNamespace(
        layer=0,
        position=1,
        resid_pre=vector,
        ln1=norm,
        ln1_post=None,
        z=RNG.normal(size=(heads, 3)),
        results=RNG.normal(size=(heads, width)),
        output_bias=None,
        attn_out=vector,
        resid_mid=vector,
        ln2=None,
        activations=None,
        mlp_out=None,
        resid_post=vector,
        parallel=False,
    )


def test_a_road_wants_a_pattern_for_every_head():
    with pytest.raises(ValueError, match=r"\[2 3 3\], not \[1, 3, 3\]"):
        BlockSheet(["a", "b", "c"], made_up_block(), np.zeros((1, 3, 3)), [])


@pytest.mark.parametrize("picked", [("hook_resid_pre", (6,)), ("mlp.hook_post", (0,))])
def test_a_number_outside_the_block_is_refused(picked):
    sheet = BlockSheet(["a", "b", "c"], made_up_block(), np.zeros((2, 3, 3)), [])
    with pytest.raises(ValueError, match="lies outside"):
        residual_block(sheet, key="road", picked=picked)


NAMES = ["embedding", "L0 attention", "L0 MLP"]
KINDS = ["embedding", "attention", "MLP"]


def test_the_streams_chart_draws_its_table():
    added, stream = np.array([1.0, 2.0, 0.5]), np.array([1.0, 2.5, 2.75])
    chart = stream_chart(NAMES, KINDS, added, stream, layer=0).to_dict()
    (rows,) = chart["datasets"].values()
    assert [row["added"] for row in rows] == added.tolist()
    assert [row["stream"] for row in rows] == stream.tolist()
    assert [row["here"] for row in rows] == [False, True, True]
    colours = chart["layer"][0]["encoding"]["color"]["scale"]
    assert len(colours["domain"]) == len(set(colours["range"])) == 4
    assert colours["domain"][-1] == "stream afterwards"


def test_the_streams_table_wants_as_many_of_each():
    with pytest.raises(ValueError, match="3 names, 3 kinds, 2 parts"):
        stream_table(NAMES, KINDS, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="not head"):
        stream_table(["a"], ["head"], np.ones(1), np.ones(1))
