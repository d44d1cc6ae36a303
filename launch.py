"""Make the environment if it is missing, then start the app, or run the tests.

    python3 launch.py                   the app, on http://localhost:8501
    python3 launch.py test [pytest's arguments]
    python3 launch.py bench [names]     the benchmarks

Standard library only, and syntax that Python 3.6 reads, so that an old Python answers
with a sentence and not with a SyntaxError.

The environment is `.venv` beside this file. A stamp in it says what was installed, so
the second start installs nothing; a marker says that an installation is under way, so
one that was killed is begun again and never used.
"""

import argparse
import base64
import contextlib
import hashlib
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import webbrowser
from collections import deque
from pathlib import Path
from typing import Iterator, List, NoReturn, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
UNFINISHED = VENV / "installation-unfinished"
# Of this folder and this user alone: the temporary folder is everybody's.
SCRATCH = "minigpt-" + hashlib.sha256(f"{ROOT}{Path.home()}".encode()).hexdigest()[:12]
LOG = Path(tempfile.gettempdir()) / f"{SCRATCH}.log"
LOCK = Path(tempfile.gettempdir()) / f"{SCRATCH}.lock"
STOPPING = "\nStopping. A training that runs saves its state first."

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 14)  # what the pinned torch is built for
PINS = {
    "app": [ROOT / "requirements.txt"],
    "test": [ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"],
}
# torch's ordinary Linux build brings gigabytes of CUDA; this index has it without.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GIGABYTES_NEEDED, GIGABYTES_NEEDED_CUDA = 3, 10

DISK_FULL = "No space left|Errno 28|not enough space|WinError 112"
NO_NETWORK = (
    "connection broken|NewConnectionError|Max retries|getaddrinfo|Connection refused|"
    "name resolution|Network is unreachable|ProxyError|SSLError|timed out|"
    "Connection reset|IncompleteRead|ConnectionError"
)
NO_BUILD = "No matching distribution|Could not find a version|not a supported wheel"


class LaunchError(Exception):
    """Something the user can mend. The message says what, and how."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks, and return the exit status."""
    with contextlib.suppress(ValueError, AttributeError):
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        if arguments[:1] == ["test"]:
            prepare("test")
            return run_tests(arguments[1:])
        if arguments[:1] == ["bench"]:
            prepare("test")  # which installs the peers too
            return run_benchmarks(arguments[1:])
        options = parse(arguments)
        prepare("app")
        return run_app(options.port, options.share, options.browser)
    except LaunchError as error:
        print(f"minigpt: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nminigpt: stopped.", file=sys.stderr)
        return 130


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options of the app."""
    parser = argparse.ArgumentParser(
        prog="launch.py",
        description="Start the app; everything it needs is installed once, into .venv.",
        epilog="`launch.py test [pytest's arguments]` runs the tests instead, "
        "`launch.py bench [names]` the benchmarks.",
    )
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    parser.add_argument(
        "--share",
        action="store_true",
        help="let other computers of your network use it (default: only this one)",
    )
    parser.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="do not open the browser",
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.port <= 65535:
        parser.error(f"--port is {options.port}: choose 1 to 65535")
    return options


# --- the environment ------------------------------------------------------------------


def prepare(purpose: str) -> None:
    """Make sure that `.venv` holds what `purpose`, "app" or "test", needs.

    Raises:
        LaunchError: If it cannot be made here.
    """
    if is_ready(purpose):
        return
    try:
        with one_installation_at_a_time():
            if not is_ready(purpose):
                install(purpose)
    except OSError as error:
        raise LaunchError(
            f"cannot write the environment {VENV}: {error.strerror or error}. Free "
            "some space, or move the project to a folder that you may write to, and "
            "start again."
        ) from None


def is_ready(purpose: str) -> bool:
    """Whether the last installation was finished, and is of today's pins."""
    stamp = stamp_path(purpose)
    if UNFINISHED.exists() or not stamp.is_file():
        return False
    version = environment_version()
    return version is not None and stamp.read_text("utf-8") == fingerprint(
        purpose, version
    )


def stamp_path(purpose: str) -> Path:
    """Return the file that says what was installed for a purpose."""
    return VENV / f"installed-for-{purpose}"


def fingerprint(purpose: str, version: str) -> str:
    """Hash all that decides what an installation contains, and where it lies."""
    digest = hashlib.sha256(f"{version}\n{ROOT}\n".encode())
    for pins in PINS[purpose]:
        digest.update(pins.read_bytes())
    return digest.hexdigest()


def environment_python() -> Path:
    """Return the path of `.venv`'s Python, which Windows keeps elsewhere."""
    if os.name == "nt":
        return VENV / "Scripts" / "python.exe"
    return VENV / "bin" / "python"


def environment_version() -> Optional[str]:
    """Ask `.venv`'s Python for its version, "3.11"; None if it does not run.

    It stops running when the Python that made it is removed or replaced.
    """
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.check_output(
            [str(environment_python()), "-I", "-S", "-c", question],
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.decode().strip()


def check_python(version: Tuple[int, ...]) -> None:
    """Refuse a Python that the pinned packages are not built for.

    Raises:
        LaunchError: If `version` is too old or too new; names one that would do.
    """
    if OLDEST_PYTHON <= tuple(version[:2]) <= NEWEST_PYTHON:
        return
    too = "too old" if tuple(version[:2]) < OLDEST_PYTHON else "too new"
    raise LaunchError(
        "Python {}.{} is {}: torch and minigpt need Python {}.{} to {}.{}. {}".format(
            version[0],
            version[1],
            too,
            *OLDEST_PYTHON + NEWEST_PYTHON,
            _suggest_python(),
        )
    )


def _suggest_python() -> str:
    for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1):
        name = f"python3.{minor}"
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.check_output([name, "--version"], stderr=subprocess.DEVNULL)
            return f"You have one: run `{name} launch.py`."
    return "Get one from https://www.python.org/downloads/ and start again with it."


def install(purpose: str) -> None:
    """Make `.venv`, or bring it up to date, and stamp it.

    Raises:
        LaunchError: If a step fails. A new environment is then removed again.
    """
    version = environment_version()
    is_new = UNFINISHED.exists() or not _fits(version)
    if is_new:
        check_python(sys.version_info)
        check_disk()
        check_own_python()
    LOG.write_text("", "utf-8")
    VENV.mkdir(exist_ok=True)
    UNFINISHED.write_text("removed when everything is installed\n", "utf-8")
    try:
        if is_new:
            say("First start: installing into .venv. It takes some minutes, once.")
            clear_environment()
            make_environment()
        install_packages(purpose)
    except BaseException as error:
        if is_new:
            clear_environment()
            UNFINISHED.unlink()
            VENV.rmdir()
        elif isinstance(error, LaunchError):
            # pip that ends by itself leaves an older environment as it was.
            UNFINISHED.unlink()
        raise
    version = environment_version() or "unknown"
    for done in PINS if purpose == "test" else [purpose]:
        stamp_path(done).write_text(fingerprint(done, version), "utf-8")
    UNFINISHED.unlink()


def clear_environment() -> None:
    """Empty `.venv`, the marker last, so that being killed here does no harm."""
    for entry in VENV.iterdir():
        if entry == UNFINISHED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(str(entry))
        else:
            entry.unlink()


def check_own_python() -> None:
    """Refuse to empty an environment whose Python runs this very program.

    Raises:
        LaunchError: If `.venv` must be made anew and was started with its own Python.
    """
    if Path(sys.prefix).resolve() == VENV:
        raise LaunchError(
            "the environment must be made anew, and this is its own Python: start "
            "with your system's, `python3 launch.py`."
        )


def _fits(version: Optional[str]) -> bool:
    if version is None:
        return False
    numbers = tuple(int(part) for part in version.split("."))
    return OLDEST_PYTHON <= numbers <= NEWEST_PYTHON


def check_disk() -> None:
    """Refuse to begin an installation that cannot fit.

    Raises:
        LaunchError: If less is free than the packages take.
    """
    needed = GIGABYTES_NEEDED_CUDA if wants_cuda() else GIGABYTES_NEEDED
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < needed:
        raise LaunchError(
            f"the disk is nearly full: installing needs about {needed} GB in {ROOT}, "
            f"and {free:.1f} GB are free. Make room and start again."
        )


def make_environment() -> None:
    """Make an empty `.venv`.

    Raises:
        LaunchError: If this Python lacks the modules for it, as on a bare Debian.
    """
    command = [sys.executable, "-m", "venv", str(VENV)]
    status, output = run_step("Making the environment", command)
    if status == 0:
        return
    if re.search("ensurepip|No module named venv", output):
        raise LaunchError(
            "this Python cannot make environments. On Debian and Ubuntu: `sudo apt "
            "install python3-venv` (or python{}.{}-venv), then start again.".format(
                *sys.version_info[:2]
            )
        )
    raise LaunchError(explain("making the environment", output))


def install_packages(purpose: str) -> None:
    """Install the pinned packages, torch first, and put the project on the path.

    Raises:
        LaunchError: If pip fails; says at which step, and why.
    """
    pip = [str(environment_python()), "-m", "pip", "install", "--prefer-binary"]
    pip += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    torch = re.search(r"^torch==\S+", PINS["app"][0].read_text("utf-8"), re.MULTILINE)
    if torch and use_cpu_index():
        # Should it fail, the ordinary index below has torch too, only larger.
        cpu_only = ["--no-deps", "--index-url", TORCH_CPU_INDEX, torch.group()]
        run_step("Installing torch", pip + cpu_only)
    files = [word for pins in PINS[purpose] for word in ("-r", str(pins))]
    status, output = run_step("Installing packages", pip + files)
    if status:
        raise LaunchError(explain("installing packages", output))
    # One line in the environment makes `import minigpt` work from every folder.
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.check_output([str(environment_python()), "-I", "-c", where])
    pth = Path(answer.decode().strip()) / "minigpt-project.pth"
    pth.write_text(f"{ROOT}\n", "utf-8")


def wants_cuda() -> bool:
    """Whether torch's ordinary Linux build, with CUDA, has a use here."""
    return sys.platform == "linux" and (
        bool(shutil.which("nvidia-smi")) or Path("/dev/nvidia0").exists()
    )


def use_cpu_index() -> bool:
    """Whether torch should, and can, come from its own index of CPU builds."""
    chosen_by_user = os.environ.get("PIP_INDEX_URL") or os.environ.get("PIP_NO_INDEX")
    if sys.platform != "linux" or wants_cuda() or chosen_by_user:
        return False
    try:
        urllib.request.urlopen(TORCH_CPU_INDEX + "/torch/", timeout=10).close()
    except (OSError, ValueError):
        return False
    return True


@contextlib.contextmanager
def one_installation_at_a_time() -> Iterator[None]:
    """Wait until no other start installs into the same folder.

    The operating system lets go of the lock when its holder dies.
    """
    with LOCK.open("a+b") as file:
        if not _try_lock(file.fileno()):
            say("Another start is installing here: waiting for it.")
            while not _try_lock(file.fileno()):
                time.sleep(0.5)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


# --- steps with a progress line -------------------------------------------------------


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def run_step(label: str, command: List[str]) -> Tuple[int, str]:
    """Run a command behind one moving line; its words go to the log.

    Returns:
        The exit status and what the command printed.
    """
    process = subprocess.Popen(
        command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines = []  # type: List[str]
    reader = threading.Thread(target=_collect, args=(process, lines), daemon=True)
    reader.start()
    started = time.monotonic()
    is_terminal = sys.stdout.isatty()
    if not is_terminal:
        say(f"{label} ...")
    try:
        while reader.is_alive():
            reader.join(0.3)
            if is_terminal:
                _show(label, lines[-1] if lines else "", time.monotonic() - started)
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        if is_terminal:
            _show(label, "", time.monotonic() - started)
            say("")
    output = "".join(lines)
    with LOG.open("a", encoding="utf-8") as log:
        log.write("$ {}\n{}\n".format(" ".join(command), output))
    return status, output


def _collect(process: "subprocess.Popen[bytes]", lines: List[str]) -> None:
    for line in process.stdout or ():
        lines.append(line.decode("utf-8", "replace"))


def _show(label: str, detail: str, seconds: float) -> None:
    match = re.match(r"\s*(Collecting|Downloading|Installing|Building) (\S+)", detail)
    doing = " ".join(match.groups()) if match else ""
    clock = f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
    width = shutil.get_terminal_size().columns - 1
    text = f"{clock} {label}  {doing}"
    print("\r" + text[:width].ljust(width), end="", flush=True)


def explain(step: str, output: str) -> str:
    """Say in one sentence why a step failed, and what to do about it."""
    if re.search(DISK_FULL, output):
        reason = "the disk is full. Make room and start again."
    elif re.search(NO_NETWORK, output):
        reason = (
            "no network. It is needed once, for the packages. Connect (behind a proxy: "
            "set HTTPS_PROXY) and run the same command again."
        )
    elif "No module named pip" in output:
        reason = "somebody made .venv without pip. Delete that folder and start again."
    elif re.search(NO_BUILD, output):
        reason = (
            "a package has no build for Python {} on {} {}. Use a 64-bit Python {}.{} "
            "to {}.{}.".format(
                platform.python_version(),
                platform.system(),
                platform.machine(),
                *OLDEST_PYTHON + NEWEST_PYTHON,
            )
        )
    else:
        last = deque((line for line in output.splitlines() if line.strip()), 1)
        reason = "{} Run the same command again.".format(last[0] if last else "")
    return f"{step} failed: {reason} (Details: {LOG})"


# --- the app --------------------------------------------------------------------------


def run_app(port: int, share: bool, open_browser: bool) -> int:
    """Serve the app until it is stopped, and return the exit status.

    Raises:
        LaunchError: If the server does not start.
    """
    address = "0.0.0.0" if share else "127.0.0.1"
    wanted, port = port, free_port(address, port)
    if port != wanted:
        say(
            f"Port {wanted} is taken (perhaps minigpt runs already: "
            f"http://localhost:{wanted}). Taking {port}."
        )
    command = [str(environment_python()), "-m", "streamlit", "run", "app.py"]
    command += ["--server.port", str(port), "--server.address", address]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    command += ["--logger.level", "warning"]
    say("Starting ...")
    server = subprocess.Popen(command, cwd=str(ROOT), stdout=subprocess.DEVNULL)
    try:
        wait_until_healthy(server, port)
        visit_home(port)
        url = f"http://localhost:{port}"
        say(f"minigpt is at {url}   (Ctrl-C stops it)")
        if share:
            say(f"Others reach it at http://{socket.gethostname()}:{port}")
        if open_browser and has_screen():
            webbrowser.open(url)
        status = server.wait()
        if status:
            raise LaunchError(f"the server ended with status {status}.")
        say(STOPPING)  # Ctrl-C reached the server too, and ended it before this
        return 0
    except KeyboardInterrupt:
        say(STOPPING)
        return 0
    finally:
        stop(server)


def free_port(address: str, wanted: int) -> int:
    """Return `wanted`, or the next port that nobody uses.

    Raises:
        LaunchError: If none of the next hundred is free.
    """
    last = min(wanted + 99, 65535)
    for port in range(wanted, last + 1):
        if _is_free(address, port):
            return port
    raise LaunchError(
        f"ports {wanted} to {last} are all taken: choose another with --port."
    )


def _is_free(address: str, port: int) -> bool:
    # Some systems let two servers share a port, so first ask who answers.
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
        return False
    with contextlib.closing(socket.socket()) as probe:
        if os.name != "nt":
            # A server that has just ended does not hold its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            raise LaunchError(
                f"port {port} needs administrator's rights: choose one from 1024 on "
                "with --port."
            ) from None
        except OSError:
            return False
    return True


def wait_until_healthy(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when the server answers.

    Raises:
        LaunchError: If it ends, or does not answer within two minutes.
    """
    url = f"http://127.0.0.1:{port}/_stcore/health"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise LaunchError(
                "the server ended at once (see above). If packages are missing, delete "
                "the folder .venv and start again."
            )
        with contextlib.suppress(OSError):
            direct.open(url, timeout=5).close()
            return
        time.sleep(0.1)
    raise LaunchError(f"the server does not answer on port {port}.")


def visit_home(port: int) -> None:
    """Be the first reader, so that the second may come by a link to any page.

    Streamlit learns of the app's pages when `app.py` first runs, and that needs a
    session, which is a WebSocket: an HTTP request is not enough. Until then a deep
    link answers "page not found". The visit also loads torch before anybody waits.
    """
    rerun_script, script_finished = b"Z\x00", b"0"  # Streamlit's protocol buffers
    headers = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: localhost:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: streamlit",
    ]
    deadline = time.monotonic() + 60
    with contextlib.suppress(OSError):
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        with contextlib.closing(connection), connection.makefile("rb") as incoming:
            connection.sendall(("\r\n".join(headers) + "\r\n\r\n").encode())
            while incoming.readline().strip():
                pass
            # A frame: binary, two bytes long, masked by zeros.
            connection.sendall(b"\x82\x82\x00\x00\x00\x00" + rerun_script)
            while time.monotonic() < deadline:
                message = _next_frame(incoming)
                if not message:
                    return
                if len(message) < 100 and message[-2:-1] == script_finished:
                    return


def _next_frame(incoming: "socket.SocketIO") -> bytes:
    header = incoming.read(2)
    if len(header) < 2:
        return b""
    length = header[1] & 127
    if length > 125:
        length = int.from_bytes(incoming.read(2 if length == 126 else 8), "big")
    return incoming.read(length)


def has_screen() -> bool:
    """Whether a window could appear; without a screen Linux opens a text browser."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server, by force if it does not heed the request."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(timeout=10)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            server.kill()
            server.wait()


# --- the tests ------------------------------------------------------------------------


def run_tests(arguments: Sequence[str]) -> int:
    """Run pytest in the environment and return its exit status.

    Without arguments all tests run, in two processes of one thread each.
    """
    if not arguments and (os.cpu_count() or 1) > 1:
        arguments = ["-n", "2", "--dist", "loadfile"]
    command = [str(environment_python()), "-m", "pytest", *arguments]
    one_thread = dict(os.environ, OMP_NUM_THREADS="1")
    return subprocess.call(command, cwd=str(ROOT), env=one_thread)


def run_benchmarks(arguments: Sequence[str]) -> int:
    """Run the benchmarks in the environment and return their exit status."""
    script = str(ROOT / "benchmarks" / "all.py")
    command = [str(environment_python()), script, *arguments]
    return subprocess.call(command, cwd=str(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
