"""The wheel, installed where nothing else of the project is."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from navigation import HOME, PAGES
from streamlit_server import ROOT, first_run

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="programs lie elsewhere on Windows"
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """Return an environment with the wheel; what it depends on is lent by this one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run([sys.executable, *build], cwd=ROOT, check=True)
    venv.create(folder / "env")
    lent = sysconfig.get_path("purelib")
    (packages(folder / "env") / "lent.pth").write_text(lent)
    wheel = next(folder.glob("minigpt_glass-*.whl"))
    pip(folder / "env", "install", "--no-index", "--no-deps", str(wheel))
    return folder / "env"


def packages(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))


def pip(environment: Path, *words: str) -> None:
    there = ["--python", str(environment / "bin/python")]  # it has none of its own
    subprocess.run([sys.executable, "-m", "pip", "-q", *there, *words], check=True)


@pytest.fixture
def start(environment, tmp_path):
    """Return the way to start `minigpt`, for somebody who has no clone."""
    ours = ("PYTHONPATH", "MINIGPT_DATA", "MINIGPT_SHIPPED")
    theirs = {key: os.environ[key] for key in os.environ if key not in ours}
    theirs |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}

    def popen(*words: str) -> subprocess.Popen:
        return subprocess.Popen(
            [environment / "bin/minigpt", *words],
            cwd=tmp_path,
            env=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return popen


def test_the_command_line_finds_the_models_that_ship_and_the_apps_views(
    start, tmp_path
):
    words = ("--model", "glass", "--prompt", "Mia", "-o", "lesson.html")
    said, _ = start("lesson", "attention", *words).communicate(timeout=120)
    assert said.startswith("wrote lesson.html")
    page = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert "function headGrid(" in page


def test_the_app_opens_every_page_and_keeps_its_data_with_the_user(start, tmp_path):
    process = start("app", "--no-browser", "--port", "8791")
    try:
        lines = iter(process.stdout.readline, "")
        assert next(lines) == f"Your models, runs and texts: {tmp_path}/data/minigpt\n"
        ready = next(line for line in lines if "minigpt is at" in line)
        port = re.search(r":(\d+)$", ready.strip())[1]
        shown = first_run(int(port), "head_explorer")
    finally:
        process.terminate()
        process.wait(timeout=20)
    named = {page.url_pathname for each in shown for page in each.navigation.app_pages}
    assert named == {"" if page == HOME else page.name for page in PAGES}
    started = next(each.new_session for each in shown if each.HasField("new_session"))
    assert not started.config.gather_usage_stats  # its settings came along
    told = [each.delta.new_element for each in shown if each.HasField("delta")]
    assert any(element.heading.body == "Head explorer" for element in told)
    assert not any("broke" in element.alert.body for element in told)
    assert not any(element.HasField("exception") for element in told)


def test_pip_install_e_leads_to_the_clone(tmp_path):
    build = ["-m", "hatchling", "build", "-t", "wheel:editable", "-d", str(tmp_path)]
    subprocess.run([sys.executable, *build], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        (path,) = [name for name in wheel.namelist() if name.endswith(".pth")]
        assert wheel.read(path).decode().split() == [str(ROOT)]
        assert "minigpt/__init__.py" not in wheel.namelist()


def test_nothing_lies_beside_the_package_and_it_leaves_nothing(environment):
    before = {path.name for path in packages(environment).iterdir()}
    assert not before & {"pages", "viz", "app.py", "serve.py", "data"}
    pip(environment, "uninstall", "-y", "minigpt-glass")
    after = {path.name for path in packages(environment).iterdir()}
    gone = {name for name in before if name.startswith("minigpt")}
    assert before - after == gone
    assert len(gone) == 2  # the package, and what pip knows about it
