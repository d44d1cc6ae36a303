"""The site leads to what there is. `mkdocs build --strict` checks its links."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
PAGES = [page for entry in SITE["nav"] for page in entry.values()]


def chapter(title: str) -> list[str]:
    (pages,) = [entry[title] for entry in SITE["nav"] if title in entry]
    return pages


def test_every_notebook_has_a_page():
    pages = {Path(page).stem for page in chapter("Notebooks")}
    assert pages == {path.stem for path in ROOT.glob("docs/*.ipynb")}


def test_every_package_has_a_page():
    named = [Path(page).stem for page in chapter("API")]
    packages = {path.parent.name for path in ROOT.glob("minigpt/*/__init__.py")}
    assert sorted(named) == sorted({"minigpt", *packages} - {"cli"})


def test_every_other_page_is_a_document_or_the_course():
    hook = (ROOT / "docs/site_pages.py").read_text(encoding="utf-8")
    taken = re.findall(r'^    "(.+)",$', hook, re.MULTILINE)
    assert all((ROOT / path).is_file() for path in taken)
    written = {path.name for path in ROOT.glob("docs/*.md")}
    named = {page for page in PAGES if isinstance(page, str)}
    assert named == {*taken, *written, "course.md"} - {"LICENSE"}
