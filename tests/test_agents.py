"""AGENTS.md leads to the right room: what it names is there, and nothing is missing."""

import ast
import re
from pathlib import Path

import navigation
import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
CONCEPTS = re.findall(r"^\| ([^|]+) \| `([^`|]+\.py)` \| `(\w+)` \|$", TEXT, re.M)
LESSONS = re.findall(r"^\| ([^|]+) \| `(pages/[a-z_]+/)` \|$", TEXT, re.M)


def defined(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_both_tables_are_read():
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert len(rows) == len(CONCEPTS) + len(LESSONS) + 2  # and two headings


@pytest.mark.parametrize(("concept", "path", "name"), CONCEPTS)
def test_a_concept_is_where_the_table_says(concept, path, name):
    assert name in defined(ROOT / path), f"{concept}: no {name} in {path}"


def test_every_page_of_the_course_is_in_the_table():
    pages = [(page.title, f"{Path(page.path).parent}/") for page in navigation.PAGES]
    assert pages == LESSONS


def test_no_package_of_minigpt_is_missing():
    packages = {path.parent for path in (ROOT / "minigpt").rglob("__init__.py")}
    named = {(ROOT / path).parent for _, path, _ in CONCEPTS}
    missing = [
        str(package.relative_to(ROOT))
        for package in sorted(packages)
        if not any(place.is_relative_to(package) for place in named)
    ]
    assert missing == []
