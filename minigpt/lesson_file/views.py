"""The app's views, for a lesson file and a notebook: scripts, styles and colours.

A view is one and the same in all homes: a function that draws arrays into an element.
Here its files are only read; the app's folder is no package that could be imported.
"""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path

from minigpt.lesson_file.bundle import view
from minigpt.places import app_folder

SHARED = (
    *("colours", "drawing", "stepping", "number_table", "result_code"),
    "delivered",
)
"""Scripts that views and lessons share: once in the file, before all others."""

VIEWS: dict[str, tuple[str, ...]] = {
    "journey": ("journey_layout", "journey_drawing"),
    "head_grid": (),
    "attention_heatmap": ("heatmap_painting",),
    "attention_steps": (
        "attention_rows",
        "attention_sheet",
        "attention_motion",
        "attention_bench",
    ),
    "filter_stages": ("filter_rows",),
    "beam_tree": ("beam_tree_drawing",),
    "token_pieces": (),
    "merge_motion": (),
}
"""Each view, and its further scripts."""


def scripts(names: Iterable[str] = VIEWS) -> str:
    """Return the views' scripts, with what they share, and the table of them.

    Args:
        names: Which of `VIEWS`.
    """
    names = list(names)
    shared = "\n".join(_read("shared", f"{name}.js") for name in SHARED)
    views = [
        view("\n".join(_read(name, f"{part}.js") for part in (*parts, name)), name)
        for name, parts in ((name, VIEWS[name]) for name in names)
    ]
    table = ", ".join(f"{name}: view_{name}" for name in names)
    styles = json.dumps({name: _style(name) for name in names})
    return "\n".join(
        [
            shared,
            *views,
            f"const views = {{ {table} }};\nconst viewStyles = {styles};\n",
        ]
    )


def palette() -> str:
    """Return the CSS rules that declare the app's colours, light and dark."""
    light, dark = colours()
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )


def colours() -> tuple[str, str]:
    """Return the declarations of the app's colours, and those that differ in the dark.

    Each is what stands between the braces of a CSS rule.
    """
    meanings = json.loads(_read("shared", "palette.json"))
    config = app_folder() / ".streamlit" / "config.toml"
    theme = tomllib.loads(config.read_text(encoding="utf-8"))["theme"]
    light, dark = (
        {f"st-{_dashed(name)}": value for name, value in theme[scheme].items()}
        for scheme in ("light", "dark")
    )
    return f"{_rules(meanings)} {_rules(light)}", _rules(dark)


def own_style(name: str) -> str:
    """Return a style sheet that belongs to no view: `page` or `figures`."""
    return (Path(__file__).parent / f"{name}.css").read_text(encoding="utf-8")


def _rules(values: dict[str, object]) -> str:
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    return " ".join(f"--{name}: {value};" for name, value in texts.items())


def _dashed(name: str) -> str:
    """Write `textColor` as Streamlit's CSS does: `text-color`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name)


def _style(name: str) -> str:
    found = [
        _read(folder, f"{part}.css")
        for folder, part in [
            ("shared", "shared"),
            *(("shared", part) for part in SHARED),
            *((name, part) for part in (*VIEWS[name], name)),
        ]
        if (_folder(folder) / f"{part}.css").is_file()
    ]
    return "\n".join(found)


def _read(folder: str, file: str) -> str:
    return (_folder(folder) / file).read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    return app_folder() / "viz" / "components" / name
