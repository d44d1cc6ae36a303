"""A text is fetched whole and checked, or not at all."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from minigpt.datasets.files.download import SOURCES, TextSource, download, fetch
from minigpt.errors import DataError

TEXT = b"To be, or not to be.\n" * 100


@pytest.fixture
def server(monkeypatch):
    """A web server with one text; `requests` counts what was asked of it."""
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests += 1
            if self.path == "/missing":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(TEXT)))
            self.end_headers()
            self.wfile.write(TEXT[:50] if self.path == "/torn" else TEXT)

        def log_message(self, *args):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.requests = 0
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def source(server, path="/text", content=TEXT):
    url = f"http://127.0.0.1:{server.server_port}{path}"
    digest = hashlib.sha256(content).hexdigest()
    return TextSource(url, "text.txt", len(content), digest)


def test_a_text_is_fetched_once_and_then_found(server, tmp_path):
    directory = tmp_path / "new" / "texts"
    path = download(source(server), directory)
    assert path == directory / "text.txt"
    assert path.read_bytes() == TEXT
    assert download(source(server), directory) == path
    assert server.requests == 1
    assert [file.name for file in directory.iterdir()] == ["text.txt"]


def test_another_text_than_expected_is_not_kept(server, tmp_path):
    with pytest.raises(DataError, match="something else than expected"):
        download(source(server, content=b"other"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/missing", "/torn"])
def test_a_failed_transfer_leaves_nothing(server, tmp_path, path):
    with pytest.raises(DataError):
        download(source(server, path), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_error_says_what_to_do(server, tmp_path):
    unreachable = source(server)._replace(url="http://127.0.0.1:9/text")
    with pytest.raises(DataError, match="Without a network") as caught:
        download(unreachable, tmp_path)
    assert "--data_file" in str(caught.value)
    assert str(tmp_path / "text.txt") in str(caught.value)


def test_a_file_of_the_users_is_never_overwritten(server, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"my own")
    with pytest.raises(DataError, match="move it away"):
        download(source(server), tmp_path)
    assert (tmp_path / "text.txt").read_bytes() == b"my own"


def test_a_directory_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="Cannot write"):
        download(source(server), tmp_path / "file" / "texts")


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(DataError, match="Did you mean 'shakespeare'"):
        fetch("shakespear", tmp_path)


def test_the_known_checksum_is_that_of_tiny_shakespeare(shakespeare_path):
    content = shakespeare_path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SOURCES["shakespeare"].sha256
    assert len(content) == SOURCES["shakespeare"].size
    assert fetch("shakespeare", shakespeare_path.parent) == shakespeare_path
