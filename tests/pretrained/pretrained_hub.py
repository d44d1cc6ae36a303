"""A hub of one repository on this machine, which speaks what `huggingface_hub` asks."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlparse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves a directory as `main` of one repository, until closed.

    Args:
        repository: Its name.
        directory: Its files.
    """

    def __init__(self, repository: str, directory: Path) -> None:
        self.asked: list[str] = []
        """The paths that were asked for, in order."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = unquote(urlparse(self.path).path)
                hub.asked.append(path)
                self.answer(path, with_body=True)

            def do_HEAD(self):
                self.answer(unquote(urlparse(self.path).path), with_body=False)

            def answer(self, path, with_body):
                files = {f.name: f for f in directory.iterdir() if f.is_file()}
                api, resolve = f"/api/models/{repository}", f"/{repository}/resolve/"
                if path == f"{api}/revision/main":
                    body = json.dumps({"id": repository, "sha": COMMIT}).encode()
                elif path.startswith(f"{api}/tree/"):
                    body = json.dumps([entry(file) for file in files.values()]).encode()
                elif path.startswith(resolve) and path.rpartition("/")[2] in files:
                    body = files[path.rpartition("/")[2]].read_bytes()
                else:
                    known = path.startswith(api)
                    code = "RevisionNotFound" if known else "RepoNotFound"
                    self.send_response(404)
                    self.send_header("X-Error-Code", code)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", f'"{digest(body)}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.end_headers()
                if with_body:
                    self.wfile.write(body)

            def log_message(self, *arguments):
                """Say nothing: a test reads what was asked from the list."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def entry(file: Path) -> dict[str, object]:
    """Describe a file as the hub lists it."""
    content = file.read_bytes()
    return {
        "type": "file",
        "path": file.name,
        "size": len(content),
        "oid": digest(content),
    }


def digest(content: bytes) -> str:
    """Return a file's name among git's objects, which its etag is."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
