"""Code under a figure: the few lines that rebuild its numbers in a notebook.

The lines end by naming what the figure shows, so that a test can run them and compare.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from minigpt.interpret.corpora import held_out_windows
from pages.frame import corpora, covering, models, state
from pages.frame.controls import saving
from pages.frame.look.source import source_of


@dataclass(frozen=True)
class Recipe:
    """Lines of Python, and the numbers that they must give."""

    lines: str
    variable: str
    """Which variable of the lines holds the figure's numbers."""
    drawn: Any
    """What the page drew: an array, or numbers in a list or dictionary."""


def show(
    name: str,
    function: Callable[..., Any],
    call: str,
    *,
    drawn: Any,
    begin: str | None = None,
    also: Sequence[Callable[..., Any]] = (),
) -> None:
    """Show a button that opens what computes a figure's numbers: one line, its source.

    Args:
        name: The figure's name, alone of its kind on this page.
        function: The function of `minigpt` that computes them; its source is shown.
        call: The expression that calls it, after `model`, `tokenizer`, `metadata` and
            `tokens` [1 pos] are made: `attention_row(model, tokens, 0, 1, query=5)`.
        drawn: The numbers that the page drew.
        begin: Lines to begin with, where the figure is not about the chosen model; see
            `naming`.
        also: Other functions and classes that the lines name: they are imported, and
            those of the textbook are shown too.
    """
    if not covering.aids_are_open():
        return
    begin = opening() if begin is None else begin
    lines = f"{begin}\nnumbers = {call}\n"
    recipe = Recipe(_with_imports(lines, [*also, function]), "numbers", drawn)
    shown = [each for each in also if each.__module__.startswith("minigpt.textbook")]
    st.session_state.setdefault("_recipes", {})[name] = recipe
    _show(name, recipe, [function, *shown])


def _show(name: str, recipe: Recipe, shown: Sequence[Callable[..., Any]]) -> None:
    """Show both buttons; what is behind one is made when a reader opens it."""
    with st.container(horizontal=True, width="content", gap="small"):
        with st.popover(
            "Code",
            icon=":material/code:",
            type="tertiary",
            key=f"code_of_{name}",
            on_change="rerun",
        ) as box:
            if box.open:
                source = "\n\n".join(source_of(each).text for each in shown)
                st.code(recipe.lines, language="python", wrap_lines=True)
                st.caption("What it calls:")
                st.code(source, language="python", wrap_lines=True)
        saving.show(name, recipe.lines, recipe.variable, recipe.drawn)


def opening() -> str:
    """Return the lines that load the chosen model and read the prompt."""
    path = models.chosen_path(models.chosen_entry())
    last = st.session_state.get("_read_last")
    cut = f"[-{last}:]" if last else ""
    return (
        "import torch\n"
        "import minigpt\n\n"
        f"model, tokenizer, metadata = minigpt.load({str(path)!r})\n"
        f"tokens = torch.tensor([tokenizer.encode({state.get('prompt', '')!r}){cut}])\n"
    )


def naming(**values: str) -> str:
    """Return lines that give expressions a name, for a recipe to begin with.

    >>> print(naming(tokenizer="minigpt.load('a').tokenizer"), end="")
    import minigpt
    <BLANKLINE>
    tokenizer = minigpt.load('a').tokenizer

    Args:
        values: The expression of each name, in order.
    """
    named = "".join(f"{name} = {value}\n" for name, value in values.items())
    return f"import minigpt\n\n{named}" if "minigpt." in named else f"\n{named}"


def opening_with_windows(count: int = 16) -> str:
    """Return the lines of `opening`, and one that draws what `corpora.windows` does."""
    length = f"min({corpora.LONGEST}, model.config.max_seq_len)"
    return _with_imports(
        opening()
        + f"windows = held_out_windows(metadata, tokenizer, {length}, {count})\n",
        [held_out_windows],
    )


def opening_of_two(before: Path, after: Path, text: str) -> str:
    """Return the lines that load two checkpoints and let `after` encode a text."""
    return (
        "import torch\n"
        "import minigpt\n\n"
        f"before = minigpt.load({str(before)!r})\n"
        f"after = minigpt.load({str(after)!r})\n"
        f"tokens = torch.tensor([after.tokenizer.encode({text!r})])\n"
    )


def _with_imports(lines: str, functions: Sequence[Callable[..., Any]]) -> str:
    """Put imports of those functions that the lines name before the lines."""
    needed = "".join(
        f"from {each.__module__} import {each.__name__}\n"
        for each in functions
        # A method comes with its object.
        if "." not in each.__qualname__ and re.search(rf"\b{each.__name__}\b", lines)
    )
    return needed + lines


def read_last(tokens: int | None) -> None:
    """Say that only the last tokens of the prompt are read; None: all of them."""
    st.session_state["_read_last"] = tokens


def forget() -> None:
    """Forget the recipes of the page before. Called once a run, by `app.py`."""
    st.session_state["_recipes"] = {}
    read_last(None)
