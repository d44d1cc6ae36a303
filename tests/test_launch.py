"""`launch.py` and `serve.py`, run for real on copies that install next to nothing."""

import ast
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
from streamlit_server import first_run

ROOT = Path(__file__).parent.parent
HALF = "half-installed.py"
posix_only = pytest.mark.skipif(os.name == "nt", reason="uses POSIX signals or scripts")


def load(path: Path) -> ModuleType:
    """Import a copy of launch.py or serve.py, whose root is the folder it lies in."""
    spec = importlib.util.spec_from_file_location(f"copy_{abs(hash(path))}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_project(folder: Path) -> Path:
    """Make a project that needs one small package, `speck`, and serves one page."""
    (folder / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "launch.py", folder)
    shutil.copy(ROOT / "serve.py", folder)
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    doors = "pages/frame/server"
    shutil.copytree(ROOT / doors, folder / doors)
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


@contextlib.contextmanager
def installing(project: Path) -> Iterator[subprocess.Popen]:
    """Start the launcher; yield its process while pip waits for an answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = run_launcher(project, "--no-browser", PIP_INDEX_URL=index)
        silent.accept()
        yield process


def kill_all(process: subprocess.Popen) -> None:
    """Kill a process that `run_launcher` started, and what it started itself."""
    if os.name == "nt":
        subprocess.check_call(["taskkill", "/T", "/F", "/PID", str(process.pid)])
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return pip's settings for a world whose only package is speck."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder.as_uri()}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose first installation was killed when it looked whole."""
    project = make_project(tmp_path_factory.mktemp("launch") / "a folder with spaces")
    with installing(project) as process:
        kill_all(process)
    launch = load(project / "launch.py")
    assert launch.environment_version()
    assert not launch.is_ready([launch.APP_PINS])
    (launch.VENV / HALF).write_text("", encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def installed(killed: Path, wheels: dict) -> Path:
    """Return a project whose environment `launch.py test` has made."""
    process = run_launcher(killed, "test", "--version", **wheels)
    output, _ = process.communicate(timeout=120)
    assert "No module named pytest" in output, output  # it got as far as the tests
    return killed


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


@pytest.fixture
def server() -> ModuleType:
    """Return `serve.py`."""
    return load(ROOT / "serve.py")


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


def refusal(call: Callable, *arguments: object) -> str:
    """Return the words with which a call ends the program."""
    with pytest.raises(SystemExit) as ended:
        call(*arguments)
    words = str(ended.value)
    assert words.splitlines()[-1].startswith("minigpt: "), words
    return words


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10), (3, 15)])
def test_a_python_without_builds_is_refused_and_leaves_nothing(
    bare: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, ...],
) -> None:
    monkeypatch.setenv("PATH", "")  # no other Python to suggest
    monkeypatch.setattr(bare.sys, "version_info", version)
    words = refusal(bare.main, ["--no-browser"])
    assert f"Python 3.{version[1]} is not one of 3.11 to 3.14" in words
    assert "https://www.python.org/downloads/" in words
    assert not bare.VENV.exists()


@posix_only
def test_a_refused_python_names_the_newest_installed_one_that_works(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bare.ROOT))
    monkeypatch.setattr(bare.sys, "version_info", (3, 9, 1))
    for name, status in (("python3.13", 127), ("python3.12", 0), ("python3.11", 0)):
        script = bare.ROOT / name
        script.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
        script.chmod(0o755)
    assert "run `python3.12 launch.py`" in refusal(bare.check_machine)


def test_the_accepted_pythons_are_those_of_pyproject(bare: ModuleType) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest, beyond = re.search(
        r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text
    ).groups()
    pythons = [f"3.{minor}" for minor in range(int(oldest), int(beyond))]
    assert sorted(bare.PYTHONS) == pythons


def test_a_nearly_full_disk_is_said_before_anything_is_written(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(bare.ROOT)._replace(free=200_000_000)
    monkeypatch.setattr(bare.shutil, "disk_usage", lambda _: usage)
    assert "disk is nearly full" in refusal(bare.prepare, [bare.APP_PINS])
    assert not bare.VENV.exists()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Retrying after connection broken by NewConnectionError", "no network"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build for"),
        ("Error: [Errno 13] Permission denied: '/usr/.venv'", "may not be written"),
        ("python: No module named pip", "Delete the folder"),
        ("ERROR: something new", "Run the same command again"),
    ],
)
def test_a_failed_step_is_explained(bare: ModuleType, output: str, words: str) -> None:
    script = f"import sys; sys.stderr.write({output!r}); sys.exit(2)"
    ended = refusal(
        bare.run_step, "installing packages", [sys.executable, "-c", script]
    )
    assert output in ended
    line = ended.splitlines()[-1]
    assert line.startswith("minigpt: installing packages failed: ")
    assert words in line


def test_debian_without_venv_is_told_what_to_install(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "apt install python3-venv" in refusal(bare.prepare, [bare.APP_PINS])
    assert not bare.VENV.exists()


@posix_only
def test_a_folder_that_may_not_be_written_is_said(bare: ModuleType) -> None:
    command = [sys.executable, str(bare.ROOT / "launch.py"), "--no-browser"]
    if os.geteuid() == 0:  # who may write everywhere, unless without privileges
        command = ["setpriv", "--bounding-set=-all", *command]
    if not shutil.which(command[0]):
        pytest.skip("only root, and no setpriv")
    bare.ROOT.chmod(0o500)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    bare.ROOT.chmod(0o700)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("minigpt: making the environment")
    assert "may not be written" in ended.stderr


@pytest.mark.parametrize(
    "option",
    ["--port=0", "--port=70000", "--port=eight", "--allow-frame=course.example"]
    + [f"--allow-frame=https://{end}" for end in ("", "a.b/c", "a.b;x", "a b", "'")]
    + ["--teachers=ada", "--teachers=a@b,", "--teachers=a@b"],  # no class to teach
)
def test_an_impossible_option_is_refused(server: ModuleType, option: str) -> None:
    with pytest.raises(SystemExit) as ended:
        server.parse([option])
    assert ended.value.code == 2


def test_the_options_are_told_without_installing_anything(
    bare: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    assert bare.main(["--help"]) == 0
    told = capsys.readouterr().out
    for option in ("--port", "--no-browser", "--share", "test", "bench"):
        assert option in told
    assert not bare.VENV.exists()


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
    launch.prepare([launch.APP_PINS])  # pip could reach nothing
    launch.prepare([launch.APP_PINS, launch.TEST_PINS])
    assert time.perf_counter() - started < 1


def test_the_project_can_be_imported_from_any_folder(
    launch: ModuleType, tmp_path: Path
) -> None:
    code = "import own_module, speck; print(own_module.WORD, speck.MASS)"
    command = [str(launch.PYTHON), "-c", code]
    assert subprocess.check_output(command, cwd=tmp_path, text=True) == "ours 1\n"


def test_new_pins_are_noticed_and_a_failed_update_keeps_what_there_was(
    launch: ModuleType,
) -> None:
    pins = launch.ROOT / "requirements.txt"
    before = pins.read_text(encoding="utf-8")
    pins.write_text("speck==2.0\n", encoding="utf-8")
    try:
        assert not launch.is_ready([launch.APP_PINS])
        assert "no network" in refusal(launch.prepare, [launch.APP_PINS])
    finally:
        pins.write_text(before, encoding="utf-8")
    assert launch.is_ready([launch.APP_PINS])


def test_a_moved_project_or_another_python_is_not_taken_for_ready(
    launch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert launch.is_ready([launch.APP_PINS])
    with monkeypatch.context() as patch:
        patch.setattr(launch, "environment_version", lambda: "3.12")
        assert not launch.is_ready([launch.APP_PINS])
    monkeypatch.setattr(launch, "ROOT", launch.ROOT / "elsewhere")
    assert not launch.is_ready([launch.APP_PINS])


@posix_only
def test_an_environment_whose_python_is_gone_is_not_taken_for_ready(
    launch: ModuleType,
) -> None:
    python = launch.PYTHON
    hidden = python.rename(python.with_name("hidden"))
    try:
        assert launch.environment_version() == ""
        assert not launch.is_ready([launch.APP_PINS])
    finally:
        hidden.rename(python)


def test_an_environment_that_somebody_made_by_hand_is_used_and_kept(
    launch: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    config = launch.VENV / "pyvenv.cfg"
    ours = config.read_text(encoding="utf-8")
    assert "'minigpt'" in ours
    config.write_text(ours.replace("'minigpt'", "'own'"), encoding="utf-8")
    launch.STAMP.unlink()
    own_file = launch.VENV / "own-file"
    own_file.touch()
    launch.prepare([launch.APP_PINS, launch.TEST_PINS])
    config.write_text(ours, encoding="utf-8")
    assert "First start" not in capsys.readouterr().out
    assert launch.is_ready([launch.APP_PINS, launch.TEST_PINS])
    assert own_file.exists()


def test_a_killed_installation_is_begun_again(launch: ModuleType) -> None:
    assert launch.is_ready([launch.APP_PINS, launch.TEST_PINS])
    assert not (launch.VENV / HALF).exists()


@posix_only
def test_a_stopped_installation_leaves_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    with installing(project) as process:
        process.terminate()  # Ctrl-C goes the same way
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.endswith("minigpt: stopped.\n")
    assert not (project / ".venv").exists()


def test_two_installations_at_once_wait_for_each_other(bare: ModuleType) -> None:
    with bare.lock():
        code = "import launch\nwith launch.lock(): print('mine')"
        other = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=bare.ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        read_until(other, "waiting for it")
    assert "mine" in read_until(other, "mine")
    assert other.wait(timeout=10) == 0


@posix_only
def test_a_link_that_somebody_left_in_place_of_the_lock_is_not_followed(
    bare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.setattr(bare.tempfile, "gettempdir", lambda: str(shared))
    with bare.lock():
        (name,) = (path.name for path in shared.iterdir())
    (shared / name).unlink()
    (shared / name).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        bare.lock()
    assert not (tmp_path / "precious").exists()


# --- serving --------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Hold a port, as another program would."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_free_port_is_taken_as_it_is(server: ModuleType, taken_port: int) -> None:
    free = server.free_port("127.0.0.1", taken_port)
    assert taken_port < free <= taken_port + 99
    assert server.free_port("127.0.0.1", free) == free


def test_the_port_of_a_server_that_has_just_ended_is_free(server: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ended:
        port = ended.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            ended.accept()[0].close()  # the server's side lingers in TIME_WAIT
    assert server.free_port("127.0.0.1", port) == port


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
    (project / "start.py").write_text(
        "import sys, pathlib, launch\n"
        "launch.prepare = lambda pins: None\n"
        "launch.PYTHON = pathlib.Path(sys.executable)\n"
        "sys.exit(launch.main(sys.argv[1:]))\n",
        encoding="utf-8",
    )
    started = []

    def start(port: int) -> subprocess.Popen:
        process = subprocess.Popen(
            [
                sys.executable,
                str(project / "start.py"),
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
    kinds = {answer.WhichOneof("type") for answer in first_run(port, "deep")}
    assert "navigation" in kinds
    assert "page_not_found" not in kinds

    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert "Stopped." in rest
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
    port = int(re.search(r"is at http://localhost:(\d+)", said).group(1))
    process.terminate()
    assert process.wait(timeout=20) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
