"""Two processes behind nginx: each browser keeps its own, also after one was killed."""

import itertools
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from patience import until
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit_server import ROOT, serve
from websockets.sync.client import ClientConnection, connect

from minigpt.classroom.room import Room
from minigpt.hosting.nginx import configuration, find_nginx

needs_nginx = pytest.mark.skipif(
    find_nginx() is None or os.name == "nt", reason="nginx is not installed"
)


@contextmanager
def shared(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Start two processes behind nginx; yield the port, and who has started them."""
    port = serve["free_port"]("127.0.0.1", 18501)
    command = ["serve.py", "--no-browser", "--share", "--no-links", "--processes", "2"]
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "MINIGPT_DATA": str(folder), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
    )
    try:
        serve["wait_until_ready"](port, alive=lambda: process.poll() is None)
        yield port, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def new_cookie(port: int) -> str:
    """Come as a browser without a cookie; return the one that it is given."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer:
        given = answer.headers.get_all("Set-Cookie")
    return next(each for each in given if "minigpt_process" in each).partition(";")[0]


def open_tab(port: int, cookie: str) -> ClientConnection:
    """Open a tab of a browser, and its socket."""
    own = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}"}
    url = f"ws://127.0.0.1:{port}/_stcore/stream"
    return connect(
        url, subprotocols=["streamlit"], max_size=None, additional_headers=own
    )


def run(tab: ClientConnection) -> None:
    """Let the page run to its end."""
    request = BackMsg()
    request.rerun_script.page_name = ""
    tab.send(request.SerializeToString())
    answer = ForwardMsg()
    while answer.WhichOneof("type") != "script_finished":
        answer = ForwardMsg.FromString(tab.recv(timeout=60))


def apps_of(server: psutil.Process) -> list[psutil.Process]:
    """Return the processes of the app."""
    return [each for each in server.children() if "--behind" in each.cmdline()]


def app_of(server: psutil.Process, port: int, cookie: str) -> psutil.Process:
    """Return the process that holds the other end of a browser's socket."""
    before = {each.pid: sockets(each) for each in apps_of(server)}
    with closing(open_tab(port, cookie)):
        found = [each for each in apps_of(server) if sockets(each) - before[each.pid]]
    assert len(found) == 1
    return found[0]


def sockets(process: psutil.Process) -> set[int]:
    """Return the ports at the other ends of a process's connections."""
    found = process.net_connections("tcp")
    return {each.raddr.port for each in found if each.status == "ESTABLISHED"}


def is_served(port: int, cookie: str) -> bool:
    """Whether a browser gets an answer from its process."""
    url = f"http://127.0.0.1:{port}/_stcore/health"
    request = urllib.request.Request(url, headers={"Cookie": cookie})
    try:
        with urllib.request.urlopen(request):
            return True
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False


@needs_nginx
def test_a_killed_process_is_started_again_and_others_do_not_notice(tmp_path):
    with shared(tmp_path) as (port, server):
        one = new_cookie(port)
        its = app_of(server, port, one)
        assert app_of(server, port, one) == its
        others = (new_cookie(port) for _ in range(50))
        other = next(each for each in others if app_of(server, port, each) != its)
        with closing(open_tab(port, other)) as tab:
            run(tab)
            its.kill()
            run(tab)  # in the process that lives on
            psutil.wait_procs([its], 10)
            until(lambda: is_served(port, one), 60)
            assert app_of(server, port, one).pid != its.pid
            run(tab)
        everybody = server.children(recursive=True)
    psutil.wait_procs(everybody, 10)
    assert not any(each.is_running() for each in everybody)


@needs_nginx
def test_when_their_starter_is_killed_nginx_and_the_processes_end():
    front, behind = itertools.islice(serve["free_ports"](18601), 2)
    code = (
        "import runpy, sys\n"
        "from minigpt.hosting import processes\n"
        "ready = runpy.run_path('serve.py')['wait_until_ready']\n"
        "front, behind = map(int, sys.argv[1:])\n"
        "app = [*processes.FOLLOWING, sys.executable, '-m', 'http.server']\n"
        "app += ['--bind', '127.0.0.1', str(behind)]\n"
        "processes.serve('127.0.0.1', front, {behind: app}, {}, ready)\n"
    )
    ports = [str(front), str(behind)]
    starter = subprocess.Popen([sys.executable, "-c", code, *ports], cwd=ROOT)
    serve["wait_until_ready"](front, alive=lambda: starter.poll() is None)
    everybody = psutil.Process(starter.pid).children(recursive=True)
    assert "nginx" in {each.name() for each in everybody}
    starter.kill()
    starter.wait()
    _, alive = psutil.wait_procs(everybody, 10)
    for each in alive:
        each.kill()
    assert alive == []


def test_processes_of_one_class_have_the_same_links_and_see_who_was_removed(tmp_path):
    first = Room(tmp_path / "room")
    second = Room(tmp_path / "room", key=first.key)
    assert second.join_secret == first.join_secret
    cookie = first.join(second.join_secret, "Ann")
    member = second.seat(cookie).member
    assert first.seat(cookie).member == member
    first.remove(member)
    assert second.seat(cookie) is None
    first.forget_all()
    assert second.teach_secret == first.teach_secret
    assert re.fullmatch(r"[\w-]{43}", second.teach_secret)


@needs_nginx
@pytest.mark.parametrize("name", ["two words", "a;b", 'a"b', "a\\b", "{a}"])
def test_nginx_takes_a_folder_of_any_name(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    file = tmp_path / "nginx.conf"
    file.write_text(configuration("127.0.0.1", 18600, [18601], folder), "utf-8")
    command = [find_nginx(), "-t", "-p", str(folder), "-c", str(file), "-e", "stderr"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
