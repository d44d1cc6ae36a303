"""Shares are drawn as they are, and their sum beside them."""

import json

import numpy as np
import pytest

from viz.attribution import (
    PICKED,
    SUM,
    attribution_bars,
    attribution_table,
    signed_bars,
)

PARTS = ["embedding", "L0H0", "L0 MLP"]
SHARES = np.array([0.5, -2.0, 4.25])


def rows(chart) -> list[dict]:
    spec = chart.to_dict()
    return [row for table in spec["datasets"].values() for row in table]


def test_the_table_ends_with_the_sum():
    table = attribution_table(PARTS, SHARES)
    assert table["part"].tolist() == [*PARTS, SUM]
    assert table["share"].tolist() == [0.5, -2.0, 4.25, 2.75]
    with pytest.raises(ValueError, match="3 parts, but 2 shares"):
        attribution_table(PARTS, SHARES[:2])


def test_the_bars_carry_every_share_in_order_and_can_be_picked():
    chart = attribution_bars(attribution_table(PARTS, SHARES), "L0H0")
    assert [row["share"] for row in rows(chart)] == [0.5, -2.0, 4.25, 2.75]
    spec = chart.to_dict()
    assert spec["encoding"]["x"]["sort"] is None
    assert [param["name"] for param in spec["params"]] == [PICKED]
    assert "L0H0" in json.dumps(spec["encoding"]["stroke"])


def test_signed_bars_stand_on_a_symmetric_scale():
    chart = signed_bars(["a", "b"], np.array([-3.0, 1.0]), "change of probability")
    x = chart.to_dict()["encoding"]["x"]
    assert x["scale"]["domain"] == [-3.0, 3.0]
    assert x["title"] == "change of probability"
    with pytest.raises(ValueError, match="1 names, but 2"):
        signed_bars(["a"], SHARES[:2], "logit")


def test_no_bars_at_all_are_no_error():
    assert signed_bars([], np.array([]), "logit").to_dict()
