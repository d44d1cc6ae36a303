"""Charts: one table and one kind of mark, or several of them in layers."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from viz.theme import CATEGORIES
from viz.vega_lite.channels import encoded
from viz.vega_lite.expressions import Expression

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"

_VIEW: Final = "view_1"
"""Name of the one layer in which marks can be selected."""

_CONFIG: Final[dict[str, Any]] = {
    "range": {"category": list(CATEGORIES)},
    "axis": {"grid": True, "gridOpacity": 0.35, "tickCount": 5},
    "view": {"stroke": None},
}
"""What every chart is drawn with."""


class Figure(ABC):
    """What charts and layers have in common."""

    _settings: dict[str, Any]
    """What is said of the whole: `height`, `padding`, `resolve` …"""

    @abstractmethod
    def _part(self) -> dict[str, Any]:
        """Return a part of a specification, in which `data` is still a table."""

    @property
    def height(self) -> Any:
        """Pixels, or {"step": pixels of each bar}; None: as it comes."""
        return self._settings.get("height")

    def properties(self, **properties: Any) -> Self:
        """Return it with another height, padding, table or configuration."""
        return self._with(**properties)

    def resolve_axis(self, **channels: str) -> Self:
        """Say which axes of layers are independent."""
        return self._with(resolve={"axis": channels})

    def resolve_scale(self, **channels: str) -> Self:
        """Say which scales of layers are independent."""
        return self._with(resolve={"scale": channels})

    def __add__(self, other: "Figure") -> "LayerChart":
        """Draw the other on top."""
        return LayerChart([self, other])

    def _with(self, **changes: Any) -> Self:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, _settings={**self._settings, **changes})
        return copy

    @property
    def spec(self) -> dict[str, Any]:
        """The whole specification, its tables by name under `datasets`.

        `st.vega_lite_chart` takes it, and sends tables as they are. A table's name is
        made of what is in it, so that a chart of other numbers is another chart.
        """
        datasets: dict[str, pd.DataFrame] = {}
        spec = _named(self._part(), datasets, {})
        own = spec.get("config", {})
        merged = {name: {**_CONFIG.get(name, {}), **own[name]} for name in own}
        spec |= {"$schema": _SCHEMA, "config": {**_CONFIG, **merged}}
        return {**spec, "datasets": datasets}

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON has it, with tables as lists of rows."""
        spec = self.spec
        tables = spec["datasets"].items()
        return {**spec, "datasets": {name: _rows(table) for name, table in tables}}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Let a notebook draw it."""
        return {"application/vnd.vegalite.v6+json": self.to_dict()}


class Chart(Figure):
    """One table, drawn with one kind of mark."""

    def __init__(self, data: pd.DataFrame) -> None:
        """Take the table; a mark and its channels are still to be said."""
        self._settings = {"data": data}

    @property
    def data(self) -> pd.DataFrame:
        """The table."""
        return self._settings["data"]

    def _part(self) -> dict[str, Any]:
        return dict(self._settings)

    def encode(self, **channels: Any) -> Self:
        """Return the chart with these channels, beside those it has."""
        new = {name: encoded(name, channel) for name, channel in channels.items()}
        return self._with(encoding={**self._settings.get("encoding", {}), **new})

    def transform_filter(self, test: Expression | Mapping[str, Any]) -> Self:
        """Return the chart with only those rows for which an expression holds."""
        kept = str(test) if isinstance(test, Expression) else dict(test)
        return self._transformed({"filter": kept})

    def transform_calculate(self, **columns: str) -> Self:
        """Return the chart with more columns, worked out by the browser."""
        new = [{"calculate": code, "as": name} for name, code in columns.items()]
        return self._transformed(*new)

    def _transformed(self, *transforms: dict[str, Any]) -> Self:
        earlier = self._settings.get("transform", ())
        return self._with(transform=[*earlier, *transforms])

    def add_params(self, *params: dict[str, Any]) -> Self:
        """Return the chart with selections."""
        return self._with(params=list(params))

    def _marked(self, kind: str, style: Mapping[str, Any]) -> Self:
        return self._with(mark={"type": kind, **style})

    def mark_bar(self, **style: Any) -> Self:
        """Draw bars."""
        return self._marked("bar", style)

    def mark_circle(self, **style: Any) -> Self:
        """Draw filled circles."""
        return self._marked("circle", style)

    def mark_line(self, **style: Any) -> Self:
        """Draw lines."""
        return self._marked("line", style)

    def mark_point(self, **style: Any) -> Self:
        """Draw points of any shape."""
        return self._marked("point", style)

    def mark_rect(self, **style: Any) -> Self:
        """Draw cells."""
        return self._marked("rect", style)

    def mark_rule(self, **style: Any) -> Self:
        """Draw straight lines across."""
        return self._marked("rule", style)

    def mark_text(self, **style: Any) -> Self:
        """Draw texts."""
        return self._marked("text", style)

    def mark_tick(self, **style: Any) -> Self:
        """Draw short strokes."""
        return self._marked("tick", style)


class LayerChart(Figure):
    """Charts on top of each other, the last in front.

    What all layers share stands once: the table and the height; and selections, which
    name the layer that they are made in.
    """

    def __init__(self, layer: Sequence[Figure], **settings: Any) -> None:
        """Lay the charts on top of each other.

        Args:
            layer: The charts, from back to front.
            settings: `height`, `padding`.
        """
        self._layers, self._settings = list(layer), settings

    def __add__(self, other: Figure) -> "LayerChart":
        """Draw the other in front of all layers."""
        return LayerChart([*self._layers, other], **self._settings)

    def _part(self) -> dict[str, Any]:
        layers = [each._part() for each in self._layers]
        whole: dict[str, Any] = {"layer": layers}
        tables = [layer.get("data") for layer in layers]
        if tables[0] is not None and all(table is tables[0] for table in tables):
            whole["data"] = tables[0]
        for layer in layers:
            if "data" in whole:
                del layer["data"]
            if "height" in layer:
                whole["height"] = layer.pop("height")
            if "params" in layer:
                whole["params"] = layer.pop("params")
                if "layer" not in layer:
                    layer["name"] = _VIEW
                    views = [{**each, "views": [_VIEW]} for each in whole["params"]]
                    whole["params"] = views
        return {**whole, **self._settings}


def selection_point(name: str, **select: Any) -> dict[str, Any]:
    """Return a selection of single marks, to be made by a click.

    Args:
        name: What the selection is called.
        select: `fields`, by which marks are told apart; `clear`.
    """
    return {"name": name, "select": {"type": "point", **select}}


def _named(
    part: dict[str, Any], datasets: dict[str, pd.DataFrame], names: dict[int, str]
) -> dict[str, Any]:
    """Return a part of a specification with its tables taken out, and named."""
    spec = dict(part)
    if "layer" in part:
        spec["layer"] = [_named(each, datasets, names) for each in part["layer"]]
    if "data" in part:
        table = part["data"]
        name = names.setdefault(id(table), "") or _name(table)
        names[id(table)], datasets[name] = name, table
        spec["data"] = {"name": name}
    return spec


def _name(table: pd.DataFrame) -> str:
    """Name a table by a hash of all it holds."""
    content = hashlib.sha256(repr(list(table.columns)).encode())
    for _, column in table.items():
        values = column.to_numpy()
        is_text = values.dtype.hasobject
        content.update(values.dtype.str.encode())
        content.update(repr(values.tolist()).encode() if is_text else values.tobytes())
    return f"data-{content.hexdigest()[:24]}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows; what JSON has no number for is None."""
    plain = table.astype(object)
    bad = table.isna() | table.isin([np.inf, -np.inf])
    return plain.mask(bad, None).to_dict("records")
