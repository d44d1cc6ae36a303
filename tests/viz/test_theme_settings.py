"""The app's settings and the figures' colours agree, and can be read."""

import re
import tomllib
from pathlib import Path

import pytest

from viz.theme import CATEGORIES, RAMP_ON_DARK, RAMP_ON_LIGHT

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"
THEME = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def palettes() -> list[dict[str, str]]:
    return [
        palette
        for name in ("light", "dark")
        for palette in (THEME[name], THEME[name]["sidebar"])
    ]


@pytest.mark.parametrize("palette", palettes())
def test_text_and_links_stand_out_on_every_background(palette):
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        for ink in ("textColor", "linkColor"):
            assert contrast(palette[ink], palette[ground]) >= 4.5


@pytest.mark.parametrize("name", ["light", "dark"])
def test_signed_and_first_colours_are_seen_on_every_background(name):
    for colour in CATEGORIES[:3]:
        assert contrast(colour, THEME[name]["backgroundColor"]) >= 3


def test_charts_of_the_app_use_the_palette_of_the_figures():
    assert THEME["chartCategoricalColors"] == list(CATEGORIES)
    assert THEME["light"]["chartSequentialColors"] == list(RAMP_ON_LIGHT)
    assert THEME["dark"]["chartSequentialColors"] == list(RAMP_ON_DARK)


def test_no_style_sheet_and_no_script_has_a_palette_of_its_own():
    root = CONFIG.parents[1]
    palette = {
        colour.lower() for colour in (*CATEGORIES, *RAMP_ON_LIGHT, *RAMP_ON_DARK)
    }
    rooms = ("viz", "pages", "minigpt/lesson_file")
    source = root / "viz/components/shared/palette.json"
    files = {f for room in rooms for f in root.glob(f"{room}/**/*.[cj]s*")} - {source}
    assert len(files) > 50
    copies = [
        f"{file.relative_to(root)}: {colour}"
        for file in files
        for colour in re.findall(r"#[0-9a-f]{6}\b", file.read_text("utf-8").lower())
        if colour in palette
    ]
    assert copies == []


@pytest.mark.parametrize("name", ["light", "dark"])
def test_more_stands_out_more(name):
    colours = THEME[name]["chartSequentialColors"]
    assert len(colours) == 10
    steps = [contrast(colour, THEME[name]["backgroundColor"]) for colour in colours]
    assert steps == sorted(steps)
