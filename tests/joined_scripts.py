"""Write each view's script as the browser gets it, so that a linter sees it whole.

    python tests/joined_scripts.py FOLDER

A view's files cannot import each other: a name that none of them defines shows only
when they are joined.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import streamlit as st

ROOT = Path(__file__).parent.parent


def main(folder: Path) -> None:
    """Import every view, and keep what it hands to Streamlit."""
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, *, js: str, **_: Any) -> Any:
        (folder / f"{name.removeprefix('minigpt.')}.js").write_text(js, "utf-8")
        return lambda **_: None

    st.components.v2.component = keep
    sys.path.insert(0, str(ROOT))
    for view in sorted((ROOT / "viz" / "components").glob("*/view.py")):
        importlib.import_module(f"viz.components.{view.parent.name}.view")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
