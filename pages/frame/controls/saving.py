"""Save, under a figure: its picture as PNG and SVG, its numbers as CSV and JSON."""

import re
import textwrap
from pathlib import Path
from typing import Any

import streamlit as st

from pages.frame import course, models, state
from viz.components.save_figure.numbers import About, as_csv, as_json
from viz.components.save_figure.view import Heading, save_figure

_PATH = re.compile(r"(['\"])([^'\"\n]*/[^'\"\n]*)\1")
_LONGEST_CALL = 400
_THEME = ("text", "background", "secondary-background", "border", "primary", "link")


def show(name: str, lines: str, variable: str, drawn: Any) -> None:
    """Show the button that opens the four ways to save a figure.

    Args:
        name: The figure's, alone of its kind on this page.
        lines: The lines of Python that rebuild its numbers.
        variable: Which of their variables holds the numbers.
        drawn: The numbers.
    """
    with st.popover(
        "Save",
        icon=":material/download:",
        type="tertiary",
        key=f"save_of_{name}",
        on_change="rerun",
    ) as box:
        if box.open:
            _show_ways(name, _about(name, lines, variable), drawn)


def _show_ways(name: str, about: About, drawn: Any) -> None:
    file = "-".join([*_words(str(about["title"])), *_words(str(about["model"] or ""))])
    st.caption(
        "The figure with its title, model and step, drawn in light colours for "
        "print. An SVG opens in Inkscape and goes into LaTeX."
    )
    save_figure(
        _heading(about),
        file_name=file,
        anchor=f"save_of_{name}",
        paper=_paper(),
        key=f"_picture_{name}",
    )
    st.caption("Its numbers, as they are before rounding:")
    with st.container(horizontal=True):
        for ending, write, mime in (
            ("CSV", as_csv, "text/csv"),
            ("JSON", as_json, "application/json"),
        ):
            st.download_button(
                ending,
                lambda write=write: write(drawn, about),
                file_name=f"{file}.{ending.lower()}",
                mime=mime,
                key=f"_numbers_{ending}_{name}",
                on_click="ignore",
            )


def _heading(about: About) -> Heading:
    """Put what a figure is about into lines for a picture."""
    model = " · ".join(
        f"{label} {about[key]}"
        for key, label in (("model", "Model"), ("step", "step"))
        if about[key] is not None
    )
    prompt = about.get("prompt")
    lines = [model, f"Prompt: {prompt}"] if prompt else [model]
    return Heading(str(about["title"]), lines, str(about["caption"]))


def _about(name: str, lines: str, variable: str) -> About:
    """Return what a figure is about: the caption says how its numbers were computed."""
    page = st.session_state.get("_page")
    lesson = next((each.title for each in course.PAGES if each.name == page), "")
    loaded = list(
        dict.fromkeys(
            found
            for _, path in _PATH.findall(lines)
            if (found := _model_at(Path(path))) is not None
        )
    )
    call = re.findall(rf"^{variable} = (.+)", lines, re.MULTILINE | re.DOTALL)
    reads_prompt = "tokens" in lines and bool(state.get("prompt"))
    return {
        "title": f"{lesson}: {name}" if lesson else name,
        "model": ", ".join(model for model, _ in loaded) or None,
        "step": ", ".join(str(step) for _, step in loaded if step is not None) or None,
        **({"prompt": str(state.get("prompt"))} if reads_prompt else {}),
        "caption": f"Computed by {_shortened(call[-1])}" if call else "",
    }


def _model_at(path: Path) -> tuple[str, int | None] | None:
    """Return the name and the step of the model in a directory; None if none is."""
    for entry in models.entries():
        for step, saved in entry.steps:
            if saved == path:
                return entry.id, step
        if entry.path == path:
            return entry.id, entry.default_step
    return None


def _shortened(call: str) -> str:
    """Return an expression in one line, without the folders of this machine."""

    def name(found: re.Match[str]) -> str:
        path = Path(found[2])
        return repr(path.name) if path.is_absolute() else found[0]

    named = _PATH.sub(name, call)
    return textwrap.shorten(named, _LONGEST_CALL, placeholder=" …")


def _paper() -> dict[str, str]:
    """Return the colours of the light theme, whatever the screen shows."""
    found = {part: st.get_option(f"theme.light.{_camel(part)}Color") for part in _THEME}
    return {f"--st-{part}-color": str(colour) for part, colour in found.items()}


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(each.capitalize() for each in others)


def _words(text: str) -> list[str]:
    """Return what of a text can stand in the name of a file."""
    return re.findall(r"[a-z0-9]+", text.lower())[:8]
