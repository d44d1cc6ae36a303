"""Pages of the documentation site that are written elsewhere, made as it is built.

`mkdocs.yml` names this file as a hook. The README and its neighbours are taken as they
are, the course comes from `pages/frame/course.py`, and each package of `minigpt` gets a
page that its docstrings fill. Nothing of it lies on disk.
"""

import json
import re
import sys
from itertools import groupby
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
DOCUMENTS = (
    "README.md",
    "AGENTS.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "data/SOURCES.md",
    "benchmarks/README.md",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that have no file in `docs/`."""
    pages = {path: document(path) for path in DOCUMENTS}
    pages["course.md"] = course()
    pages |= {f"{path.stem}.md": notebook(path) for path in DOCS.glob("*.ipynb")}
    pages |= api()
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def document(path: str) -> str:
    """Return a document of the project, its links as the site has them."""
    text = (ROOT / path).read_text(encoding="utf-8")
    text = re.sub(r"""(\]\(|src="|srcset=")docs/""", r"\1", text)
    return text.replace(".ipynb)", ".md)")


def notebook(path: Path) -> str:
    """Return a notebook as a page: its words, its code, and what is stored of both."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        is_code = cell["cell_type"] == "code"
        parts.append(f"```python\n{source}\n```" if is_code else source)
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream":
                parts.append("```text\n" + "".join(output["text"]).rstrip() + "\n```")
            else:
                html = "".join(output["data"]["text/html"]).replace("\n", " ")
                parts.append(f'<div style="overflow-x: auto">{html}</div>')
    parts.append(f"The notebook itself: [{path.name}]({path.name}).")
    return "\n\n".join(parts)


def course() -> str:
    """Return the lessons in order: what each is about, and what one takes home."""
    sys.path.insert(0, str(ROOT))
    from pages.frame.course import LESSONS

    lines = ["# The course", "", "Each lesson is a page of the app.", ""]
    for section, lessons in groupby(LESSONS, lambda lesson: lesson.section):
        lines += [f"## {section}", ""]
        for lesson in lessons:
            lines += [f"### {lesson.title}", "", lesson.aha, ""]
            picture = f"{lesson.name.replace('_', '-')}-light.png"
            if (DOCS / picture).is_file():
                lines += [f"![The page {lesson.title}]({picture})", ""]
    return "\n".join(lines)


def api() -> dict[str, str]:
    """Return a page for each package of `minigpt`, and one for the modules beside."""
    package = ROOT / "minigpt"
    inits = sorted(package.glob("*/__init__.py"))
    pages = {f"api/{path.parent.name}.md": reference(path.parent) for path in inits}
    del pages["api/cli.md"]  # `--help` documents it
    pages["api/minigpt.md"] = reference(package, "*.py")
    return pages


def reference(folder: Path, pattern: str = "**/*.py") -> str:
    """Return the page of a package: its own words, then its modules'."""
    own = module(folder / "__init__.py")
    lines = [f"# {own}", f"::: {own}", "    options:", "      members: false"]
    lines += ["      show_root_heading: false"]
    for path in sorted(folder.glob(pattern)):
        if not path.name.startswith("__"):
            lines += ["", f"::: {module(path)}"]
    return "\n".join(lines)


def module(path: Path) -> str:
    """Return a file's name as Python imports it."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")
