"""The launcher, run for real on copies of itself that install next to nothing."""

import ast
import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
posix_only = pytest.mark.skipif(os.name == "nt", reason="uses POSIX signals or scripts")


def load(path: Path) -> ModuleType:
    """Import a copy of launch.py, whose root is the folder it lies in."""
    spec = importlib.util.spec_from_file_location(f"launch_{abs(hash(path))}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_project(folder: Path) -> Path:
    """Make a project that needs one small package, `speck`, and serves one page."""
    (folder / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "launch.py", folder)
    (folder / "requirements.txt").write_text("speck==1.0\n", encoding="utf-8")
    (folder / "tests" / "requirements.txt").write_text("", encoding="utf-8")
    (folder / "own_module.py").write_text("WORD = 'ours'\n", encoding="utf-8")
    return folder


def make_wheel(folder: Path) -> None:
    """Write speck 1.0, a package of one line, as pip wants it."""
    folder.mkdir(exist_ok=True)
    info = "speck-1.0.dist-info"
    with zipfile.ZipFile(folder / "speck-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("speck.py", "MASS = 1\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: speck\n"
                       "Version: 1.0\n")  # fmt: skip
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\n"
                       "Root-Is-Purelib: true\nTag: py3-none-any\n")  # fmt: skip
        wheel.writestr(f"{info}/RECORD", "")


def pip_environment(**settings: str) -> dict[str, str]:
    """Return this process's environment, with pip's settings replaced by `settings`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1", **settings}


def run_launcher(project: Path, *arguments: str, **settings: str) -> subprocess.Popen:
    """Start the copy's launch.py from another folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, str(project / "launch.py"), *arguments],
        cwd=project.anchor,
        env=pip_environment(TMPDIR=str(project.parent), **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen, word: str) -> str:
    """Return what the process prints up to a line with `word`."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    raise AssertionError(f"never said {word!r}: {''.join(lines)}")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return pip's settings for a world whose only package is speck."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder.as_uri()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: dict) -> Path:
    """Return a project whose environment `launch.py test` has made."""
    project = make_project(tmp_path_factory.mktemp("launch") / "a folder with spaces")
    process = run_launcher(project, "test", "--version", **wheels)
    output, _ = process.communicate(timeout=120)
    assert "No module named pytest" in output, output  # it got as far as the tests
    return project


@pytest.fixture
def launch(installed: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the launcher of the installed project, with pip cut off from the world."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    return load(installed / "launch.py")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the launcher of a project with nothing installed."""
    return load(make_project(tmp_path / "project") / "launch.py")


# --- what it refuses, and in which words ----------------------------------------------


def test_an_old_python_can_read_launch_py() -> None:
    source = (ROOT / "launch.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("version", "words"),
    [((3, 8, 18), "3.8 is too old"), ((3, 10), "too old"), ((3, 15), "too new")],
)
def test_a_python_without_builds_is_refused(
    bare: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, ...],
    words: str,
) -> None:
    monkeypatch.setenv("PATH", "")  # no other Python to suggest
    with pytest.raises(bare.LaunchError, match=words) as refusal:
        bare.check_python(version)
    assert "3.11 to 3.14" in str(refusal.value)
    assert "https://www.python.org/downloads/" in str(refusal.value)


@posix_only
def test_a_refused_python_names_an_installed_one_that_works(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bare.ROOT))
    for name, status in (("python3.13", 127), ("python3.12", 0)):
        script = bare.ROOT / name
        script.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
        script.chmod(0o755)
    with pytest.raises(bare.LaunchError, match=r"run `python3\.12 launch\.py`"):
        bare.check_python((3, 9))


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2)])
def test_a_python_with_builds_is_accepted(
    bare: ModuleType, version: tuple[int, ...]
) -> None:
    bare.check_python(version)


def test_the_accepted_pythons_are_those_of_pyproject(bare: ModuleType) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest, beyond = re.search(
        r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text
    ).groups()
    assert (3, int(oldest)) == bare.OLDEST_PYTHON
    assert (3, int(beyond) - 1) == bare.NEWEST_PYTHON


def test_a_first_start_on_an_old_python_leaves_nothing(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(bare.sys, "version_info", (3, 9, 1))
    assert bare.main(["--no-browser"]) == 1
    assert "too old" in capsys.readouterr().err
    assert not bare.VENV.exists()


def test_a_nearly_full_disk_is_said_before_anything_is_written(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(bare.ROOT)._replace(free=200_000_000)
    monkeypatch.setattr(bare.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(bare.LaunchError, match=r"disk is nearly full.* 0\.2 GB"):
        bare.prepare("app")
    assert not bare.VENV.exists()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Retrying after connection broken by NewConnectionError", "no network"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build for"),
        ("python: No module named pip", "Delete that folder"),
        ("ERROR: something new", "something new"),
    ],
)
def test_a_failed_step_is_explained(bare: ModuleType, output: str, words: str) -> None:
    explanation = bare.explain("installing packages", output)
    assert explanation.startswith("installing packages failed")
    assert words in explanation


@posix_only
def test_debian_without_venv_is_told_what_to_install(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = bare.ROOT / "python"
    python.write_text(
        "#!/bin/sh\necho 'ensurepip is not available.'\nexit 1\n", encoding="utf-8"
    )
    python.chmod(0o755)
    monkeypatch.setattr(bare.sys, "executable", str(python))
    with pytest.raises(bare.LaunchError, match="apt install python3-venv"):
        bare.prepare("app")
    assert not bare.VENV.exists()


@posix_only
def test_a_folder_that_may_not_be_written_is_said(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        bare.VENV.symlink_to("/proc/nowhere")  # root may write anywhere but there
    else:
        bare.ROOT.chmod(0o500)
    with pytest.raises(bare.LaunchError, match="cannot write the environment"):
        bare.prepare("app")


@pytest.mark.parametrize("port", ["0", "70000", "eight"])
def test_an_impossible_port_is_refused(bare: ModuleType, port: str) -> None:
    with pytest.raises(SystemExit) as refusal:
        bare.parse(["--port", port])
    assert refusal.value.code == 2


# --- installing -----------------------------------------------------------------------


def test_a_first_start_without_network_says_so_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path / "project")
    process = run_launcher(
        project, "--no-browser", PIP_INDEX_URL="http://127.0.0.1:9/simple"
    )
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "installing packages failed: no network" in output
    assert "run the same command again" in output
    assert "Traceback" not in output
    assert not (project / ".venv").exists()


def test_benchmarks_get_the_names_that_were_given(installed: Path) -> None:
    (installed / "benchmarks").mkdir()
    script = "import sys; print('asked for', *sys.argv[1:]); sys.exit(4)"
    (installed / "benchmarks" / "all.py").write_text(script)
    process = run_launcher(installed, "bench", "bpe", "--list")
    output, _ = process.communicate(timeout=60)
    assert "asked for bpe --list" in output, output
    assert process.returncode == 4


def test_the_second_start_installs_nothing(launch: ModuleType) -> None:
    started = time.perf_counter()
    launch.prepare("app")  # pip could reach nothing
    launch.prepare("test")
    assert time.perf_counter() - started < 1


def test_the_project_can_be_imported_from_any_folder(
    launch: ModuleType, tmp_path: Path
) -> None:
    code = "import own_module, speck; print(own_module.WORD, speck.MASS)"
    command = [str(launch.environment_python()), "-c", code]
    assert subprocess.check_output(command, cwd=tmp_path, text=True) == "ours 1\n"


def test_new_pins_are_noticed_and_a_failed_update_keeps_what_there_was(
    launch: ModuleType,
) -> None:
    pins = launch.ROOT / "requirements.txt"
    before = pins.read_text(encoding="utf-8")
    pins.write_text("speck==2.0\n", encoding="utf-8")
    try:
        assert not launch.is_ready("app")
        with pytest.raises(launch.LaunchError, match="no network"):
            launch.prepare("app")
    finally:
        pins.write_text(before, encoding="utf-8")
    assert launch.is_ready("app")


def test_a_moved_project_or_another_python_is_not_taken_for_ready(
    launch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert launch.is_ready("app")
    with monkeypatch.context() as patch:
        patch.setattr(launch, "environment_version", lambda: "3.12")
        assert not launch.is_ready("app")
    monkeypatch.setattr(launch, "ROOT", launch.ROOT / "elsewhere")
    assert not launch.is_ready("app")


@posix_only
def test_an_environment_whose_python_is_gone_is_not_taken_for_ready(
    launch: ModuleType,
) -> None:
    python = launch.environment_python()
    hidden = python.rename(python.with_name("hidden"))
    try:
        assert launch.environment_version() is None
        assert not launch.is_ready("app")
    finally:
        hidden.rename(python)


def test_an_environment_under_installation_is_not_taken_for_ready(
    launch: ModuleType,
) -> None:
    launch.UNFINISHED.write_text("", encoding="utf-8")
    assert not launch.is_ready("app")
    launch.UNFINISHED.unlink()
    assert launch.is_ready("app")


@posix_only
def test_a_killed_installation_is_begun_again(tmp_path: Path, wheels: dict) -> None:
    project = make_project(tmp_path / "project")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # pip waits for its answer
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = run_launcher(project, "--no-browser", PIP_INDEX_URL=index)
        read_until(process, "Installing packages")
        silent.accept()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    launch = load(project / "launch.py")
    assert launch.UNFINISHED.exists()
    assert not launch.is_ready("app")
    half_installed = launch.VENV / "half-installed.py"
    half_installed.write_text("", encoding="utf-8")

    process = run_launcher(project, "test", "--version", **wheels)
    process.communicate(timeout=120)
    assert launch.is_ready("app")
    assert launch.is_ready("test")
    assert not half_installed.exists()


def test_two_installations_at_once_wait_for_each_other(bare: ModuleType) -> None:
    with bare.one_installation_at_a_time():
        code = "import launch\nwith launch.one_installation_at_a_time(): print('mine')"
        other = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=bare.ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        read_until(other, "waiting for it")
    assert "mine" in read_until(other, "mine")
    assert other.wait(timeout=10) == 0


# --- serving --------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Hold a port, as another program would."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_free_port_is_taken_as_it_is(bare: ModuleType, taken_port: int) -> None:
    free = bare.free_port("127.0.0.1", taken_port)
    assert taken_port < free <= taken_port + 99
    assert bare.free_port("127.0.0.1", free) == free


def test_the_port_of_a_server_that_has_just_ended_is_free(bare: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()  # the server's side lingers in TIME_WAIT
    assert bare.free_port("127.0.0.1", port) == port


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[int], subprocess.Popen]]:
    """Return a function that serves two pages with this Python's own streamlit."""
    project = make_project(tmp_path / "project")
    pages = project / "pages" / "section"
    pages.mkdir(parents=True)
    for name in ("first", "deep"):
        (pages / f"{name}.py").write_text("", encoding="utf-8")
    (project / "app.py").write_text(
        "import streamlit as st\n"
        "pages = ['first', 'deep']\n"
        "st.navigation([st.Page(f'pages/section/{p}.py') for p in pages]).run()\n",
        encoding="utf-8",
    )
    (project / "serve.py").write_text(
        "import sys, pathlib, launch\n"
        "launch.prepare = lambda purpose: None\n"
        "launch.environment_python = lambda: pathlib.Path(sys.executable)\n"
        "sys.exit(launch.main(sys.argv[1:]))\n",
        encoding="utf-8",
    )
    started = []

    def start(port: int) -> subprocess.Popen:
        process = subprocess.Popen(
            [
                sys.executable,
                str(project / "serve.py"),
                "--no-browser",
                f"--port={port}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def first_messages(port: int, page: str) -> set[str]:
    """Open a page by its link, as a browser does, and return what kinds of answers."""
    import websockets
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    request = BackMsg()
    request.rerun_script.page_name = page
    kinds: set[str] = set()
    url = f"ws://127.0.0.1:{port}/_stcore/stream"
    async with websockets.connect(url, subprotocols=["streamlit"]) as session:
        await session.send(request.SerializeToString())
        while "script_finished" not in kinds:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(session.recv(), 20))
            kinds.add(answer.WhichOneof("type"))
    return kinds


@posix_only
def test_it_serves_on_the_next_port_knows_its_pages_and_stops_cleanly(
    serve: Callable[[int], subprocess.Popen], taken_port: int
) -> None:
    process = serve(taken_port)
    said = read_until(process, "minigpt is at")
    assert f"Port {taken_port} is taken" in said
    port = int(re.search(r"is at http://localhost:(\d+)", said).group(1))
    assert port != taken_port

    # Nobody has opened `/` but the launcher; a link to a page works at once.
    kinds = asyncio.run(first_messages(port, "deep"))
    assert "navigation" in kinds
    assert "page_not_found" not in kinds

    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert "Stopping" in rest
    assert "Traceback" not in rest
    assert process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@posix_only
def test_ending_the_launcher_alone_ends_the_server_too(
    serve: Callable[[int], subprocess.Popen],
) -> None:
    process = serve(8651)
    said = read_until(process, "minigpt is at")
    port = int(re.search(r"localhost:(\d+)   ", said).group(1))
    process.terminate()
    assert process.wait(timeout=20) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
