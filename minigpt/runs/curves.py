"""The loss curve as a picture: one SVG file that any browser or editor opens.

Written as plain text, so that it needs no plotting library. The training loss is thin,
the validation loss has dots, the baselines are dashed.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 650, 44, 368
_TRAIN, _VALIDATION, _BASELINE, _INK = "#0072B2", "#D55E00", "#767676", "#333333"
_MAX_POINTS = 200

Points = list[tuple[float, float]]


class _Axes(NamedTuple):
    """Where a step and a loss lie on the picture, in pixels."""

    last_step: float
    bottom: float
    top: float

    def x(self, step: float) -> float:
        return LEFT + (RIGHT - LEFT) * step / self.last_step

    def y(self, loss: float) -> float:
        return TOP + (BOTTOM - TOP) * (self.top - loss) / (self.top - self.bottom)


def loss_curve_svg(
    records: Sequence[Mapping[str, Any]],
    baselines: Mapping[str, float],
    title: str,
) -> str:
    """Draw losses against steps.

    Args:
        records: What `Run.metrics` gives: `kind`, `step`, and losses in nats per token.
        baselines: Losses to compare with, by name, in nats per token.
        title: A line above the picture.
    """
    training = _smooth(_points(records, "step", "loss"))
    # If a step was evaluated twice, the later result covers the whole split.
    validation = list(dict(_points(records, "evaluation", "loss")).items())
    losses = [loss for _, loss in training + validation] + list(baselines.values())
    ticks = nice_ticks(min(losses, default=0.0), max(losses, default=1.0))
    last_step = max([step for step, _ in training + validation], default=1.0)
    axes = _Axes(max(last_step, 1.0), ticks[0], ticks[-1])
    parts = [
        _text(LEFT, 24, title, size=15),
        *_grid(axes, ticks),
        *_dashes(axes, baselines),
        _curve(axes, training, _TRAIN, width=1.2),
        _curve(axes, validation, _VALIDATION, width=2),
        *_dots(axes, validation),
        _text(RIGHT - 230, TOP + 14, "training (smoothed)", fill=_TRAIN),
        _text(RIGHT - 90, TOP + 14, "validation", fill=_VALIDATION),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def run_curve(run: Run, status: RunStatus, records: Sequence[Mapping[str, Any]]) -> str:
    """Draw a run's losses beside its baselines.

    Args:
        run: Whose they are.
        status: Its state.
        records: What it measured.
    """
    config, baselines = run.config, status.baselines
    if config.data.source == "repeats":
        # Counting is no use on random words: its lines would lie on one another.
        baselines = {name: baselines[name] for name in baselines if name == "uniform"}
    weights = f"{status.num_parameters or 0:,} weights"
    title = f"{run.id}: {config.model_type}, {weights}"
    return loss_curve_svg(records, baselines, title)


def nice_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Choose round numbers that cover a range.

    >>> nice_ticks(0, 1000)
    [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]

    Args:
        low: Smallest value to cover.
        high: Largest value to cover.
        about: Approximate number of ticks.
    """
    rough = max(high - low, 1e-9) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]


def _grid(axes: _Axes, ticks: list[float]) -> list[str]:
    """Draw grid lines, tick labels and axis titles."""
    parts = []
    for tick in ticks:
        y = axes.y(tick)
        parts += [
            _line(y, "#dddddd"),
            _text(LEFT - 8, y + 4, f"{tick:g}", anchor="end"),
        ]
    for tick in nice_ticks(0, axes.last_step):
        if tick <= axes.last_step:
            parts.append(_text(axes.x(tick), BOTTOM + 18, f"{tick:g}", "middle"))
    middle = (LEFT + RIGHT) / 2
    return [
        *parts,
        _text(middle, HEIGHT - 12, "step", "middle"),
        f'<text transform="translate(18 {HEIGHT / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle" fill="{_INK}">loss (nats per token)</text>',
    ]


def _dashes(axes: _Axes, baselines: Mapping[str, float]) -> list[str]:
    """Draw the baselines as dashed lines."""
    parts = []
    for name, loss in baselines.items():
        y = axes.y(loss)
        parts += [
            _line(y, _BASELINE, dash="5 4"),
            _text(RIGHT + 6, y + 4, f"{name} {loss:.2f}", fill=_BASELINE),
        ]
    return parts


def _dots(axes: _Axes, points: Points) -> list[str]:
    """Mark each evaluation, and print the last value."""
    dots = [
        f'<circle cx="{axes.x(step):.1f}" cy="{axes.y(loss):.1f}" r="3" '
        f'fill="{_VALIDATION}"/>'
        for step, loss in points
    ]
    for step, loss in points[-1:]:
        x, y = axes.x(step) + 6, axes.y(loss) + 16
        dots.append(_text(x, y, f"{loss:.3f}", fill=_VALIDATION))
    return dots


def _points(records: Sequence[Mapping[str, Any]], kind: str, field: str) -> Points:
    return [
        (record["step"], record[field])
        for record in records
        if record.get("kind") == kind and record.get(field) is not None
    ]


def _smooth(points: Points) -> Points:
    """Average neighbours, so that about `_MAX_POINTS` remain."""
    size = math.ceil(len(points) / _MAX_POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (group[-1][0], sum(loss for _, loss in group) / len(group)) for group in groups
    ]


def _text(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    *,
    fill: str = _INK,
    size: int = 12,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" '
        f'font-size="{size}">{escape(words)}</text>'
    )


def _line(y: float, colour: str, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" '
        f'stroke="{colour}"{dashes}/>'
    )


def _curve(axes: _Axes, points: Points, colour: str, width: float) -> str:
    places = " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in points)
    return (
        f'<polyline points="{places}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}" stroke-linejoin="round"/>'
    )
