"""Channels: which column of the table decides a mark's place, colour or size."""

from collections.abc import Mapping
from typing import Any, Final, Self

_TYPES: Final = {"Q": "quantitative", "N": "nominal", "O": "ordinal"}

_UNTYPED: Final = ("x2", "y2")
"""The other end of a bar or rule has the type of the first."""


class Channel:
    """One channel: a field, its scale and its axis or legend.

    >>> X("loss:Q", title="loss (nats)").scale(zero=False).settings["scale"]
    {'zero': False}
    """

    def __init__(self, shorthand: str, **settings: Any) -> None:
        """Name the column and its type, `loss:Q`, and what else Vega-Lite takes.

        Args:
            shorthand: The column, then Q (quantitative), N (nominal) or O (ordinal).
            settings: `title`, `sort`, `axis`, `format` …; `type`, where the column's
                name may hold a colon. None is Vega-Lite's null: no title, no axis.
        """
        self.settings: dict[str, Any] = {**_field(shorthand, settings), **settings}

    def scale(self, scale: Mapping[str, Any] | None = None, **settings: Any) -> Self:
        """Return the channel with this scale instead of its own."""
        return self._with("scale", {**(scale or {}), **settings})

    def axis(self, **settings: Any) -> Self:
        """Return the channel with this axis."""
        return self._with("axis", settings)

    def legend(self, *nothing: None, **settings: Any) -> Self:
        """Return the channel with this legend; `legend(None)`: with none."""
        return self._with("legend", None if nothing else settings)

    def _with(self, name: str, setting: Any) -> Self:
        copy = type(self).__new__(type(self))
        copy.settings = {**self.settings, name: setting}
        return copy


def _field(shorthand: str, settings: Mapping[str, Any]) -> dict[str, str]:
    if "type" in settings:
        return {"field": shorthand}
    field, _, kind = shorthand.rpartition(":")
    return {"field": field, "type": _TYPES[kind]}


def encoded(name: str, channel: Any) -> Any:
    """Return a channel's part of the specification.

    Args:
        name: `x`, `tooltip` …
        channel: A `Channel`, a shorthand, a list of these, or a part made already.
    """
    if isinstance(channel, Channel):
        return channel.settings
    if isinstance(channel, str):
        field = _field(channel, {})
        return {"field": field["field"]} if name in _UNTYPED else field
    if isinstance(channel, list):
        return [encoded(name, each) for each in channel]
    return channel


class X(Channel):
    """Place from left to right."""


class Y(Channel):
    """Place from top to bottom."""


class YOffset(Channel):
    """Place within a band of the vertical axis."""


class Color(Channel):
    """Colour."""


class Fill(Channel):
    """Colour of the inside."""


class Opacity(Channel):
    """Opacity."""


class Shape(Channel):
    """Shape of a point."""


class StrokeDash(Channel):
    """Dashes of a line."""


class StrokeWidth(Channel):
    """Width of a line."""


class Text(Channel):
    """What a text mark says."""


class Tooltip(Channel):
    """What is said while the pointer rests on a mark."""
