"""A figure of the app as a widget: its script, and the picture that stands in for it.

The script is one text: the app's views, what a lesson file shares with a notebook, and
the figure's own module, which only passes on what Python computed and what was chosen.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from minigpt.lesson_file import bundle, views

try:
    import anywidget
except ImportError:
    raise ImportError(
        "Figures in a notebook need the package anywidget, which is not installed: "
        "run pip install 'minigpt-glass[notebook]', or pip install anywidget."
    ) from None

HERE = Path(__file__).parent


@cache
def script(figure: str, names: Iterable[str]) -> str:
    """Return all that a figure runs, as one ES module that imports nothing.

    Args:
        figure: The name of its module in this folder.
        names: The app's views that it mounts.
    """
    entry = HERE / f"{figure}.js"
    return "\n".join(
        [
            views.scripts(names),
            f"const notebookStyle = {json.dumps(_style())};",
            bundle.joined(entry),
            f"export default {{ render: notebook_{figure}.render }};\n",
        ]
    )


def _style() -> str:
    light, dark = views.colours()
    own = (HERE / "notebook.css").read_text(encoding="utf-8")
    figures = views.own_style("figures")
    return f".notebook {{ {light} }}\n.notebook.dark {{ {dark} }}\n{own}{figures}"


class Figure(anywidget.AnyWidget):
    """A widget that says in words and in a picture what it shows."""

    figure: ClassVar[str] = ""
    """The name of its script in this folder."""
    mounted: ClassVar[tuple[str, ...]] = ()
    """The app's views that it draws with."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Give each kind of figure its script."""
        if "figure" in vars(cls):  # A widget adds its traits by a subclass of its own.
            cls._esm = script(cls.figure, cls.mounted)
        super().__init_subclass__(**options)

    def summary(self) -> str:
        """Say in one line what is shown."""
        raise NotImplementedError

    def picture(self) -> str:
        """Draw what is shown as HTML that needs no script."""
        raise NotImplementedError

    def _repr_mimebundle_(
        self, **options: Any
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the widget, and what to show where no kernel runs."""
        bundled = super()._repr_mimebundle_(**options)
        if bundled is None:
            return None
        data, metadata = bundled
        stand_in = {"text/plain": self.summary(), "text/html": self.picture()}
        return {**data, **stand_in}, metadata
