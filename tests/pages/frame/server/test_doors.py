"""Hostile requests, sent as bytes, to a server that runs for real."""

import asyncio
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from minigpt.serve import hosts

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


MB = 2**20
CUT_OFF = 0
"""Instead of a status: the server closed while the body was still being sent."""


def ask(port: int, request: str, body: bytes = b"") -> tuple[int, str]:
    """Send a request as it stands, and return the status and the answer."""
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        suppress(ConnectionError, TimeoutError),
    ):
        connection.sendall(request.encode("latin-1") + b"\r\n" + body)
        answer = connection.recv(65536)
        connection.settimeout(0.05)
        while b" 101 " not in answer[:20] and (piece := connection.recv(65536)):
            answer += piece
    if not answer:
        return CUT_OFF, ""
    return int(answer.split(b" ", 2)[1]), answer.decode("latin-1")


def get(port: int, path: str = "/_stcore/health", *headers: str) -> str:
    """Return a request of a page, with more headers."""
    lines = [f"GET {path} HTTP/1.1", *headers]
    if not any(line.lower().startswith("host:") for line in headers):
        lines.insert(1, f"Host: localhost:{port}")
    return "".join(f"{line}\r\n" for line in lines)


REBOUND = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "evil.example.localhost",
    "127.0.0.1.nip.io",
    "localhost:{port}@evil.example",
    "evil.example@localhost",
    "127.1",
    "2130706433",
    "0.0.0.0",
    "10.0.0.5",
    "169.254.169.254",
    "[::ffff:127.0.0.1]",
    "[fe80::1]",
    "*",
    "localhost evil.example",
    "localhost,evil.example",
    "localhost/evil.example",
    "localhost?evil.example",
    "localhost#evil.example",
    "localhost\\evil.example",
    "localhost:{port}:80",
    "localhost:eight",
    "localhost:99999",
    "localhost:-1",
    "[::1",
    "[localhost]",
    "",
    " ",
    ":8501",
    "\u00ff\u00fe",
    "l\u00f6calhost",
    "a" * 5000,
]


@pytest.mark.parametrize("host", REBOUND, ids=lambda host: repr(host)[:30])
def test_a_name_that_is_not_this_machine_s_gets_nothing(local, host):
    asked = get(local.port, "/", f"Host: {host.format(port=local.port)}")
    status, answer = ask(local.port, asked)
    assert status in (400, 421), answer
    assert "<html" not in answer
    knock = get(local.port, "/_stcore/stream", f"Host: {host}") + UPGRADE
    assert ask(local.port, knock)[0] in (400, 403)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "[::1]:80"]
)
def test_this_machine_s_own_names_are_answered(local, host):
    assert ask(local.port, get(local.port, "/", f"Host: {host}"))[0] == 200


@pytest.mark.parametrize("lines", [(), ("Host: localhost", "Host: evil.example")])
def test_no_host_and_two_hosts_are_refused(local, lines):
    request = "".join(f"{line}\r\n" for line in ("GET / HTTP/1.1", *lines))
    assert ask(local.port, request)[0] == 400


FOREIGN = [
    "http://evil.example",
    "https://evil.example:{port}",
    "null",
    "file://",
    "",
    "http://",
    "http://[",
    "localhost:{port}",
    "http://localhost",
    "http://localhost:1",
    "http://127.0.0.1:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost.evil.example:{port}",
    "http://localhost:{port}@evil.example",
    "http://evil.example@localhost:{port}",
    "http://evil.example/http://localhost:{port}",
    "http://evil.example#localhost:{port}",
    "chrome-extension://aaaa",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_site_gets_nothing(local, origin):
    line = f"Origin: {origin.format(port=local.port)}"
    knock = get(local.port, "/_stcore/stream", line) + UPGRADE
    assert ask(local.port, knock)[0] == 403
    assert ask(local.port, get(local.port, "/_stcore/host-config", line))[0] == 403
    put = get(local.port, "/_stcore/upload_file/a/b", line).replace("GET", "PUT")
    assert ask(local.port, put + "Content-Length: 0\r\n")[0] == 403


def test_two_origins_are_no_origin(local):
    own, other = f"Origin: http://localhost:{local.port}", "Origin: http://evil.example"
    knock = get(local.port, "/_stcore/stream", own, other) + UPGRADE
    assert ask(local.port, knock)[0] in (400, 403)


def test_a_page_of_its_own_is_let_in(local):
    own = f"Origin: http://localhost:{local.port}"
    assert ask(local.port, get(local.port, "/_stcore/stream", own) + UPGRADE)[0] == 101


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),  # a picture: it would make the app run
        ("cross-site", "cors", 403),
        ("cross-site", "navigate", 200),  # a link
        ("same-origin", "no-cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_another_site_may_link_here_but_embed_nothing(local, site, mode, status):
    lines = (f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}")
    assert ask(local.port, get(local.port, "/", *lines))[0] == status


def test_foreign_knocks_delay_nobody_and_nobody_outside_is_asked(local):
    knock = get(local.port, "/_stcore/stream", "Origin: http://evil.example") + UPGRADE
    started = time.perf_counter()
    for _ in range(6):
        assert ask(local.port, knock)[0] == 403
    asyncio.run(session(local.port, "asks=no"))
    assert time.perf_counter() - started < 5
    assert local.asked_outside() == ""


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/none", "/favicon.png"])
def test_every_answer_says_how_it_may_be_used(local, path):
    answer = ask(local.port, get(local.port, path))[1].lower()
    assert "x-content-type-options: nosniff" in answer
    assert "referrer-policy: same-origin" in answer
    policy = re.search(r"content-security-policy: (.*)\r", answer)[1]
    assert "x-frame-options: sameorigin" in answer
    for rule in ("frame-ancestors 'self'", "object-src 'none'", "default-src 'self'"):
        assert rule in policy.split("; ")
    scripts = re.search(r"script-src ([^;]*)", policy)[1]
    assert "unsafe" not in scripts
    assert "http" not in policy  # nothing outside


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/media/../../serve.py",
        "/media/%2e%2e%2fserve.py",
        "/component/../../../etc/passwd",
        "/_stcore/bidi-components/x/..%2f..%2fserve.py",
        "/app/static/../../serve.py",
        "/serve.py",
        "/.streamlit/config.toml",
        "/.git/config",
        "//evil.example/x",
        "/\\\\evil.example\\share",
        "/file:///etc/passwd",
        "/%00",
        "/%c0%ae%c0%ae/etc/passwd",
        "/" + "a" * 5000,
    ],
)
def test_no_path_leads_to_a_file_of_this_machine(local, path):
    status, answer = ask(local.port, get(local.port, path))
    assert "root:" not in answer
    assert "import argparse" not in answer
    assert "[server]" not in answer
    assert "location: //" not in answer.lower()
    assert status < 500


@pytest.mark.parametrize(
    "request_line",
    [
        "TRACE / HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "PROPFIND / HTTP/1.1",
        "DELETE / HTTP/1.1",
        "POST /_stcore/agent/interact HTTP/1.1",
        "GET http://evil.example/ HTTP/9.9",
        "nonsense",
    ],
)
def test_other_methods_are_refused(local, request_line):
    host = f"Host: localhost:{local.port}\r\nContent-Length: 0\r\n"
    assert 400 <= ask(local.port, f"{request_line}\r\n{host}")[0] < 500


# --- uploads --------------------------------------------------------------------------


class Tab:
    """A browser's tab on the small app: it runs the page, and keeps a session."""

    def __init__(self, connection):
        self.connection, self.session_id, self.uploader = connection, "", ""

    async def run(self, query: str, shown: str = "") -> None:
        """Run the page, with a file that its widget shows."""
        request = BackMsg()
        request.rerun_script.query_string = query
        if shown:
            widget = request.rerun_script.widget_states.widgets.add(id=self.uploader)
            state = widget.file_uploader_state_value
            state.uploaded_file_info.add(file_id=shown, name="f", size=MB)
        await self.connection.send(request.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(self.connection.recv(), 20))
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.session_id = answer.new_session.initialize.session_id
            elif kind == "delta" and answer.delta.new_element.HasField("file_uploader"):
                self.uploader = answer.delta.new_element.file_uploader.id
            elif kind == "script_finished":
                return


@asynccontextmanager
async def opened(port: int):
    url = f"ws://127.0.0.1:{port}/_stcore/stream"
    async with websockets.connect(url, subprotocols=["streamlit"]) as connection:
        yield Tab(connection)


async def session(port: int, query: str, after=lambda session_id: None):
    """Open the page as a browser does; return what `after` says of the session."""
    async with opened(port) as tab:
        await tab.run(query)
        return await asyncio.to_thread(after, tab.session_id)


def form(size: int) -> bytes:
    """Return a form with a file of that many bytes."""
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    return head + b"a" * size + b"\r\n--x--\r\n"


def put(port: int, address: str, body: bytes, *, chunked: bool = False) -> int:
    """Upload a form as the page's script does; return the status."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer:
        token = re.search("_streamlit_xsrf=([^;]*)", str(answer.headers))[1]
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    request = (
        f"PUT /_stcore/upload_file/{address} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Cookie: _streamlit_xsrf={token}\r\nX-Xsrftoken: {token}\r\n{length}\r\n"
    )
    if chunked:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return ask(port, request, body)[0]


@pytest.mark.parametrize(
    ("asks", "sizes", "chunked", "statuses"),
    [
        ("yes", [9], False, [204]),
        ("yes", [MB], False, [204]),
        ("yes", [MB, MB, 9], False, [204, 204, 403]),  # enough for one session
        ("yes", [9], True, [204]),
        ("yes", [3 * MB], False, [413]),
        ("yes", [3 * MB], True, [413]),  # whatever its length says
        ("no", [9], False, [403]),
        ("no", [9], True, [403]),
    ],
)
def test_only_a_file_that_the_page_asks_for_is_let_in(
    local, asks, sizes, chunked, statuses
):
    def send(session_id: str) -> list[int]:
        return [
            put(local.port, f"{session_id}/{name}", form(size), chunked=chunked)
            for name, size in enumerate(sizes)
        ]

    got = asyncio.run(session(local.port, f"asks={asks}", send))
    assert got == statuses or (got, statuses) == ([CUT_OFF], [413])


def test_a_file_whose_widget_is_gone_is_dropped_and_makes_room(local):
    async def visit() -> list[int]:
        async with opened(local.port) as tab:
            got = []

            async def upload(name: str) -> None:
                place = f"{tab.session_id}/{name}"
                got.append(await asyncio.to_thread(put, local.port, place, form(MB)))

            await tab.run("asks=yes")
            for name in ("first", "second"):
                await upload(name)
                await tab.run("asks=yes", shown=name)
            await upload("third")  # it has enough
            for _ in range(4):
                await tab.run("asks=no")
            await tab.run("asks=yes")
            await upload("fourth")
            return got

    assert asyncio.run(visit()) == [204, 204, 403, 204]


@pytest.mark.parametrize("session_id", ["none", "..", "%2e%2e", "a" * 3000])
def test_nobody_uploads_without_a_session(local, session_id):
    assert put(local.port, f"{session_id}/file", form(9)) in (400, 403, 404)


@pytest.mark.parametrize("length", ["nine", "-9", "1e9", "9, 9", "99999999999999"])
def test_a_length_that_is_none_is_refused(local, length):
    request = get(local.port, "/_stcore/upload_file/a/b", f"Content-Length: {length}")
    assert 400 <= ask(local.port, request.replace("GET", "PUT"))[0] < 500


# --- the network ----------------------------------------------------------------------


def names_of_this_machine() -> Iterator[str]:
    yield from ("localhost", "school.example", "SCHOOL.example:80")
    yield socket.gethostname()
    yield from (a for a in hosts.own_addresses() if ":" not in a)


def test_a_shared_server_answers_to_its_addresses_and_to_names_that_were_given(shared):
    for name in names_of_this_machine():
        assert ask(shared.port, get(shared.port, "/", f"Host: {name}"))[0] == 200, name
    for name in ("evil.example", "x.school.example", "203.0.113.7", "8.8.8.8"):
        assert ask(shared.port, get(shared.port, "/", f"Host: {name}"))[0] == 421, name
    own = get(shared.port, "/_stcore/stream", "Host: school.example",
              "Origin: https://school.example")  # fmt: skip
    assert ask(shared.port, own + UPGRADE)[0] == 101


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://school.example", 101),
        ("http://school.example", 403),
        ("https://school.example:444", 403),
        ("https://x.school.example", 403),
        ("https://frame.example", 403),
    ],
)
def test_a_tunnel_may_call_this_machine_localhost(shared, origin, status):
    knock = get(shared.port, "/_stcore/stream", f"Origin: {origin}") + UPGRADE
    assert ask(shared.port, knock)[0] == status


def test_a_site_that_was_named_may_show_the_app_in_a_frame(shared):
    answer = ask(shared.port, get(shared.port, "/"))[1].lower()
    assert "frame-ancestors 'self' https://frame.example" in answer
    assert "x-frame-options" not in answer
    frame = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
    assert ask(shared.port, get(shared.port, "/", *frame))[0] == 200


def test_sharing_asks_nobody_outside(shared):
    assert shared.asked_outside() == ""
