"""Who may import whom: the arrows of the design, read from the source itself.

app.py → pages → viz       figures and widgets
               → minigpt   the model and all that is true without a screen
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
SCREEN = {"streamlit", "plotly", "altair"}
ROOMS = ("minigpt", "viz", "pages")

AS_THE_TUTORIALS_CALL_IT = {
    "minigpt/training/trainer.py:__init__",
    "minigpt/generation/generator.py:generate_sampling",
}
"""Functions whose parameters the tutorials fix; their docstrings say so."""


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the full name of everything a file imports, however deep it does so."""
    package, found = path.relative_to(ROOT).parent.parts, []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += [node.module] if node.module else []
            found += [".".join([*base, alias.name]) for alias in node.names]
    return tuple(found)


def rooms(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def offences(folder: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {', '.join(sorted(found))}"
        for path in sources(folder)
        if (found := rooms(path) & forbidden)
    ]


def test_minigpt_is_true_without_a_screen():
    assert offences("minigpt", SCREEN | {"viz", "pages", "app"}) == []


def test_viz_knows_arrays_and_strings_but_no_model():
    assert offences("viz", {"torch", "minigpt", "pages", "app"}) == []


def test_only_the_components_of_viz_know_streamlit():
    found = [
        str(path.relative_to(ROOT))
        for path in sources("viz")
        if "streamlit" in rooms(path)
        and (ROOT / "viz" / "components") not in path.parents
    ]
    assert found == []


def test_pages_hold_layout_and_words_no_figures_and_no_tensor_arithmetic():
    # The cached loaders set torch's threads; no other file of the pages needs it.
    torch_allowed = ROOT / "pages" / "frame" / "models.py"
    wrong = offences("pages", {"plotly", "altair", "numpy"})
    wrong += [
        f"{path.relative_to(ROOT)} imports torch"
        for path in sources("pages")
        if "torch" in rooms(path) and path != torch_allowed
    ]
    wrong += [
        f"{path.relative_to(ROOT)}:{node.lineno} uses {node.value.id}.{node.attr}"
        for path in sources("pages")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in {"go", "alt", "px", "np"}
    ]
    assert wrong == []


def test_no_page_shows_a_note_about_its_code():
    # In the file of a page, Streamlit writes every text that stands by itself.
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("pages")
        if path.stem == path.parent.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body[1:]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    assert wrong == []


def test_only_the_app_and_the_pages_use_the_pages():
    for folder in ("minigpt", "viz", "benchmarks"):
        assert offences(folder, {"pages", "app"}) == []


def test_every_page_lies_in_its_own_folder():
    # With a page directly in pages/, a deep link that is the first request after a
    # start makes Streamlit ignore app.py and its navigation.
    assert list((ROOT / "pages").glob("*.py")) == []


def test_a_file_of_a_lesson_serves_that_lesson_only():
    lessons = {path.name for path in (ROOT / "pages").iterdir()} - {"frame"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("pages")
        for name in imports(path)
        if (parts := name.split("."))[0] == "pages"
        and len(parts) > 1
        and parts[1] in lessons
        and parts[1] != path.relative_to(ROOT / "pages").parts[0]
    ]
    assert wrong == []


def test_no_folder_holds_more_than_25_files():
    folders = {
        path.parent
        for room in (*ROOMS, "tests", "benchmarks")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    counts = {
        str(folder.relative_to(ROOT)): sum(path.is_file() for path in folder.iterdir())
        for folder in folders
    }
    assert {name: count for name, count in counts.items() if count > 25} == {}


def test_a_file_of_more_than_300_lines_says_why_in_its_first_lines():
    wrong = [
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in sources(room)
        if len(lines := path.read_text(encoding="utf-8").splitlines()) > 300
        and "More than 300 lines:" not in "\n".join(lines[:20])
    ]
    assert wrong == []


class Size(NamedTuple):
    """How large a function is."""

    lines: int
    parameters: int


@functools.cache
def functions() -> dict[str, Size]:
    """Return the size of every function of the three rooms, by file and name."""
    found = {}
    for path in (path for room in ROOMS for path in sources(room)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found[f"{path.relative_to(ROOT)}:{node.name}"] = size_of(node)
    return found


def size_of(function: ast.FunctionDef) -> Size:
    """Count its lines without the docstring, and its parameters without `self`."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    told = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return Size(
        function.end_lineno - function.lineno + 1 - told,
        len([each for each in named if each.arg not in ("self", "cls")]),
    )


def test_functions_have_at_most_40_lines_of_code():
    found = {name for name, size in functions().items() if size.lines > 40}
    assert found - AS_THE_TUTORIALS_CALL_IT == set()


def test_functions_have_at_most_6_parameters():
    found = {name for name, size in functions().items() if size.parameters > 6}
    assert found - AS_THE_TUTORIALS_CALL_IT == set()
    assert found >= AS_THE_TUTORIALS_CALL_IT, "an exception that is needed no more"


def test_names_say_what_a_module_is_about():
    vague = {"utils.py", "common.py", "helpers.py", "misc.py"}
    assert [
        path
        for folder in ("minigpt", "viz", "pages")
        for path in sources(folder)
        if path.name in vague
    ] == []


def test_no_test_sleeps():
    sleeping = [
        str(path.relative_to(ROOT))
        for path in sources("tests")
        if path.name != "patience.py"
        and re.search(r"\bsleep\((?!\))", path.read_text())
    ]
    assert sleeping == []


@pytest.mark.parametrize("package", ["minigpt", "viz"])
def test_no_module_imports_itself_through_others(package):
    graph = module_graph(package)
    assert cycles(graph) == []


def module_graph(package: str) -> dict[str, set[str]]:
    """Map each module to the modules of its package that it imports at the top level.

    An import inside a function runs later, and is the honest way to break a cycle, so
    only imports that run on import count. A package's own `__init__` is counted as an
    import of a module only when a name really comes from there.
    """
    paths = {module_name(path): path for path in sources(package)}
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        graph[name] = set()
        for wanted in top_level_imports(path):
            target = wanted
            while target not in paths and "." in target:
                target = target.rpartition(".")[0]
            if target in paths and target != name:
                graph[name].add(target)
    return graph


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def top_level_imports(path: Path) -> Iterator[str]:
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, node.module] if node.module else base
            yield from (".".join([*base, alias.name]) for alias in node.names)


def cycles(graph: dict[str, set[str]]) -> list[str]:
    """Return every cycle once, as `a → b → a`."""
    found: list[str] = []
    finished: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            loop = [*path[path.index(module) :], module]
            found.append(" → ".join(loop))
            return
        if module in finished:
            return
        for target in sorted(graph[module]):
            visit(target, [*path, module])
        finished.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found
