"""Write each view's script as the browser gets it, so that a linter sees it whole.

    python tests/joined_scripts.py FOLDER

A view's files cannot import each other: a name that none of them defines shows only
when they are joined. So it is with a lesson file and a notebook's widgets, whose
modules find the views' drawing before them.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import streamlit as st

ROOT = Path(__file__).parent.parent


def main(folder: Path) -> None:
    """Import every view, keep what it hands to Streamlit, and join a lesson file's."""
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, *, js: str, **_: Any) -> Any:
        (folder / f"{name.removeprefix('minigpt.')}.js").write_text(js, "utf-8")
        return lambda **_: None

    st.components.v2.component = keep
    sys.path.insert(0, str(ROOT))
    for view in sorted((ROOT / "viz" / "components").glob("*/view.py")):
        importlib.import_module(f"viz.components.{view.parent.name}.view")
    script = importlib.import_module("minigpt.lesson_file.document").page_script()
    (folder / "lesson_file.js").write_text(script, "utf-8")
    notebook = importlib.import_module("minigpt.notebook")
    for widget in notebook.Figure.__subclasses__():
        (folder / f"notebook_{widget.figure}.js").write_text(widget._esm, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
