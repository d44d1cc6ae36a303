"""Joins scripts into one: a file that is opened from a disk can import no other.

Each ES module becomes a function that runs at once and returns what the module exports:
equal names in two modules stay apart, and a reader who looks at the file's source finds
it as it was written.
"""

import re
from collections.abc import Iterator
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (default )?((?:async )?function\*?|class|const) (\w+)", re.MULTILINE
)


def joined(entry: Path) -> str:
    """Return a module and all that it imports, each once, what is imported first.

    Args:
        entry: The module that nobody imports.
    """
    root = entry.parent.parent
    return "\n".join(_as_function(path, root) for path in _in_order(entry, []))


def _in_order(path: Path, seen: list[Path]) -> Iterator[Path]:
    """Yield modules after all that they import, each once."""
    if path in seen:
        return
    seen.append(path)
    for _, where in _IMPORT.findall(path.read_text(encoding="utf-8")):
        yield from _in_order((path.parent / where).resolve(), seen)
    yield path


def _as_function(path: Path, root: Path) -> str:
    def take(found: re.Match[str]) -> str:
        return f"const {{{found[1]}}} = {_name((path.parent / found[2]).resolve())};\n"

    text = _IMPORT.sub(take, path.read_text(encoding="utf-8"))
    exported = ", ".join(found[2] for found in _EXPORT.findall(text))
    text = _EXPORT.sub(r"\2 \3", text)
    return (
        f"// ── {path.relative_to(root).as_posix()} ──\n"
        f"const {_name(path)} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();\n"
    )


def view(script: str, name: str) -> str:
    """Return a view's script as a constant: the function that it exports by default.

    Args:
        script: The view's own files, joined.
        name: The view's.
    """
    (function,) = [found[2] for found in _EXPORT.findall(script) if found[0]]
    text = _EXPORT.sub(r"\2 \3", script)
    return (
        f"// ── the view {name} ──\n"
        f"const view_{name} = (() => {{\n{text}\nreturn {function};\n}})();\n"
    )


def _name(path: Path) -> str:
    """Return the name of a module's constant: `model_norm`."""
    return f"{path.parent.name}_{path.stem}"
