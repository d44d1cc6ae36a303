"""What several tests share, and the shape checks that all of them run under."""

import functools
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook
from streamlit.components.v2 import manifest_scanner

# Every shape in a signature is checked at every call, so that a transposed mask fails.
# The hook works on modules that are imported after it: keep it first.
CHECKED = [
    "minigpt.model",
    "minigpt.generation",
    "minigpt.training",
    "minigpt.finetuning",
    "minigpt.textbook",
]
install_import_hook(CHECKED, "beartype.beartype")

# A busy machine is slow, and no test fails for that.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

# Each AppTest looks for components in all packages that are installed: once will do.
manifest_scanner.scan_component_manifests = functools.cache(
    manifest_scanner.scan_component_manifests
)

# A test sees the models it has made; those that ship are in `ROOT / "data"`.
os.environ["MINIGPT_SHIPPED"] = "off"

# What a page covers until a prediction is made has tests of its own.
os.environ["MINIGPT_COVER"] = "off"

ROOT = Path(__file__).parent.parent

pytest_plugins = ["one_browser"]

TEXT = "the cat sat on the mat and the dog sat on the log. " * 100


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what every test has: a tenth of the time."""
    gc.collect()
    gc.freeze()


UNCHECKED = ("tests/pages/", "tests/guard/", "tests/lessons/", "tests/interpret/")


@pytest.fixture(autouse=True)
def shapes_unchecked(request) -> Iterator[None]:
    """Let a model run as for a reader where others are tested: it has its own tests.

    Pages are a fifth quicker so, and `interpret`, which runs it most, two fifths.
    """
    unchecked = request.node.nodeid.startswith(UNCHECKED)
    jaxtyping.config.update("jaxtyping_disable", unchecked)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def shakespeare_path() -> Path:
    """Return Tiny Shakespeare's path, which lies beside some clones only."""
    path = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip("Tiny Shakespeare is not beside this clone")
    return path


@pytest.fixture
def text():
    return TEXT


@pytest.fixture
def text_file(tmp_path):
    """Return a file with a text to train on."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path):
    """Return an empty place for runs."""
    from minigpt.runs.store import RunStore

    return RunStore(tmp_path / "runs")
