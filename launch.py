"""Make the environment if it is missing, then start the app, or run the tests.

    python3 launch.py                   the app, on http://localhost:8501
    python3 launch.py --port 9000       on another port; also --no-browser, --share
    python3 launch.py test [arguments]  the tests, with pytest's arguments
    python3 launch.py bench [names]     the benchmarks

Standard library only, and syntax that Python 3.7 reads, so that an old Python answers
with a sentence instead of a SyntaxError. `serve.py` continues inside `.venv`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.txt"
APP_PINS, TEST_PINS = ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"
PYTHONS = ("3.14", "3.13", "3.12", "3.11")  # which the pinned torch is built for
CUDA = sys.platform == "linux" and shutil.which("nvidia-smi") is not None
REMEDIES = {  # for the first pattern found in what a failed step has said
    "No space left|Errno 28|not enough space|WinError 112": "the disk is full. Make "
    "room and start again.",
    "ermission denied|not permitted|Read-only|WinError 5": "this folder may not be "
    "written. Move the project to one that may, and start again.",
    "No module named pip": "it has none. Delete the folder .venv and start again.",
    "onnection(Error| broken| refused| reset)|Max retries|getaddrinfo|name resolution|"
    "unreachable|ProxyError|SSLError|timed out|IncompleteRead": "no network. It is "
    "needed once. Connect (a proxy: set HTTPS_PROXY) and run the same command again.",
    "No matching distribution|Could not find a version|not a supported wheel": "no "
    "build for this computer. It takes a 64-bit Python 3.11 to 3.14, and on a Mac an "
    "Apple processor: torch is no longer built for Intel's.",
    "": "see above. Run the same command again.",
}


def main(words: list[str]) -> int:
    """Do what the command line asks, and return the exit status."""
    command, rest = "".join(words[:1]), words[1:]
    if command in ("-h", "--help"):
        print(__doc__)
        return 0
    # A request to end tidies up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prepare([APP_PINS, TEST_PINS] if command in ("test", "bench") else [APP_PINS])
    if command == "bench":
        return hand_over([str(ROOT / "benchmarks" / "all.py"), *rest])
    if command == "test":
        os.environ["OMP_NUM_THREADS"] = "1"
        return hand_over(["-m", "pytest", *(rest or ["-n2", "--dist=worksteal"])])
    return hand_over([str(ROOT / "serve.py"), *words])


def hand_over(command: list[str]) -> int:
    """Run `.venv`'s Python until it ends; Ctrl-C reaches it without our help."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # pip has compiled nothing
    child = subprocess.Popen([str(PYTHON), *command], cwd=str(ROOT))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()


def prepare(pins: list[Path]) -> None:
    """Make sure that `.venv` holds what these files pin; as a rule it does."""
    if not is_ready(pins):
        with lock():
            if not is_ready(pins):  # whoever had the lock may have seen to it
                install(pins)


def is_ready(pins: list[Path]) -> bool:
    """Whether the last installation was finished, and is of these pins."""
    return STAMP.is_file() and set(stamps(pins)) <= set(STAMP.read_text().split())


def stamps(pins: list[Path]) -> list[str]:
    """Hash what decides an installation: pins, folder, and the version of Python."""
    place = f"{ROOT} {environment_version()}".encode()
    return [hashlib.sha256(place + file.read_bytes()).hexdigest() for file in pins]


def environment_version() -> str:
    """Ask `.venv`'s Python its version; "" if it does not run, as when it was moved."""
    ask = [str(PYTHON), "-Ic", "import sys; print('%d.%d' % sys.version_info[:2])"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.check_output(ask, stderr=subprocess.PIPE).decode().strip()
    return ""


def lock() -> IO[str]:
    """Wait while another start installs here. The lock ends with the file's holder."""
    name = "minigpt-" + hashlib.sha256(f"{ROOT}{Path.home()}".encode()).hexdigest()[:12]
    path = Path(tempfile.gettempdir(), name + ".lock")
    # Others may write there too, and know the name: follow no link that they left.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    file = os.fdopen(os.open(str(path), flags, 0o600), "r+")
    told = False
    while True:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except OSError:
            if not told:
                print("Another start is installing here: waiting for it.", flush=True)
            told = True
            time.sleep(0.2)


def install(pins: list[Path]) -> None:
    """Make `.venv`, or bring it up to date. What is new and fails is removed."""
    before = STAMP.read_text() if STAMP.is_file() else ""
    config = VENV / "pyvenv.cfg"  # one of ours without a stamp was killed half-made
    was_killed = not before and config.is_file() and b"'minigpt'" in config.read_bytes()
    is_new = was_killed or environment_version() not in PYTHONS
    if is_new:
        check_machine()
        print("First start: installing into .venv. It takes minutes, once.", flush=True)
    if before:
        STAMP.unlink()  # until everything is there
    try:
        if is_new:
            make = ["-m", "venv", "--clear", "--prompt", "minigpt", str(VENV)]
            run_step("making the environment", [sys.executable, *make])
        install_packages(pins)
    except BaseException as error:
        if is_new:
            shutil.rmtree(VENV, ignore_errors=True)
        elif isinstance(error, SystemExit):  # pip gave up, and left what there was
            STAMP.write_text(before)
        raise
    STAMP.write_text("\n".join(stamps(pins)))


def check_machine() -> None:
    """Refuse to begin what cannot end well."""
    version = "{}.{}".format(*sys.version_info[:2])
    if version not in PYTHONS:
        remedy = "Get one of these from https://www.python.org/downloads/."
        for name in (f"python{each}" for each in reversed(PYTHONS)):
            if shutil.which(name) and subprocess.call([name, "-c", ""]) == 0:
                remedy = f"You have one: run `{name} launch.py`."
        sys.exit(f"minigpt: Python {version} is not one of 3.11 to 3.14. {remedy}")
    if not find_spec("ensurepip"):
        sys.exit("minigpt: venv is missing. Run `sudo apt install python3-venv` first.")
    needed = 10 if CUDA else 3  # GB
    if shutil.disk_usage(ROOT).free < needed * 1e9:
        sys.exit(f"minigpt: the disk is nearly full. Make room for {needed} GB.")


def install_packages(pins: list[Path]) -> None:
    """Install the pinned packages, and put the project itself on the path."""
    # Compiled at first use, not all at once: the app is up half a minute sooner.
    pip = [str(PYTHON), "-m", "pip", "install", "--no-compile", "--no-input"]
    pip += ["--prefer-binary", "--disable-pip-version-check"]
    torch = re.search(r"^torch==\S+", APP_PINS.read_text("utf-8"), re.MULTILINE)
    chosen_by_user = os.environ.get("PIP_INDEX_URL") or os.environ.get("PIP_NO_INDEX")
    if torch and sys.platform == "linux" and not (CUDA or chosen_by_user):
        # PyPI has it with gigabytes of CUDA: second choice, if this index fails.
        index = "--retries=1 --no-deps --index-url=https://download.pytorch.org/whl/cpu"
        subprocess.call([*pip, *index.split(), torch.group()])
    run_step("installing packages", [*pip, *(f"-r{file}" for file in pins)])
    # One line in the environment makes `import minigpt` work from every folder.
    packages = next(VENV.glob("[Ll]ib/**/site-packages"))
    (packages / "minigpt-project.pth").write_text(f"{ROOT}\n", "utf-8")


def run_step(step: str, command: list[str]) -> None:
    """Run a command that shows its progress itself; if it fails, say why."""
    done = subprocess.run(command, stderr=subprocess.PIPE)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        remedy = next(REMEDIES[each] for each in REMEDIES if re.search(each, said))
        sys.exit(f"{said[-2000:]}\nminigpt: {step} failed: {remedy}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nminigpt: stopped.")
    except OSError as error:
        sys.exit(f"minigpt: {error}. Make room, or move the project, and start again.")
