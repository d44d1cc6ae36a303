"""What a dashboard of Ray's may answer, who is told its token, and who is withdrawn."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import create_server
from threading import Thread

import pytest
from engines.small_runs import state_of, tiny

from minigpt.engines.ray import Ray
from minigpt.errors import RunError
from minigpt.runs.job import IN_JOB, TRUSTED, Job, Site, read_job, write_job
from minigpt.worker.worker import train_run

STRANGER = "127.0.0.2"
"""A machine that is not called as this one is; here, both are the same."""

TOO_LONG = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
"""Ray's word for it."""


@contextmanager
def answering(said: bytes, host: str = "127.0.0.1") -> Iterator[tuple[str, list[str]]]:
    """Answer one request so; yield the address, and the tokens that came."""
    tokens: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization", ""))
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer((host, 0), Answer)
    thread = Thread(target=server.handle_request)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}", tokens
    finally:
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"+PONG\r\n\r\n", "No Ray dashboard answers"),
        (b"HTTP/1.0 200 OK\r\n\r\n<html>", "No Ray dashboard answers"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n{", "No Ray dashboard answers"),
        (b"HTTP/1.0 500 No\r\n\r\nout of disk", "out of disk"),
    ],
)
def test_whatever_answers_is_told_in_one_sentence(said, told):
    with answering(said) as (address, _), pytest.raises(RunError, match=told) as error:
        Ray(Site("ray", address)).states(["job"])
    assert "\n" not in str(error.value)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has 127.0.0.1 alone")
def test_the_token_is_for_this_machine_and_the_address_that_was_named(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    monkeypatch.delenv(TRUSTED, raising=False)
    nothing = b"HTTP/1.0 200 OK\r\n\r\n{}"
    for host, named, expected in (
        ("127.0.0.1", False, "Bearer secret"),
        (STRANGER, False, ""),
        (STRANGER, True, "Bearer secret"),
    ):
        with answering(nothing, host) as (address, tokens):
            if named:
                monkeypatch.setenv(TRUSTED, f"{address}/")
            assert Ray(Site("ray", address)).states(["job"]) == {}
        assert tokens == [expected]


@contextmanager
def impatient() -> Iterator[tuple[str, list[str]]]:
    """Be a dashboard that has given each job up; yield what was handed in."""
    jobs: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({"status": "FAILED", "error_type": TOO_LONG})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            jobs.extend(body.get("submission_id", "").split())
            self._say({})

        def _say(self, answer: dict[str, str]) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", jobs
    finally:
        server.shutdown()
        server.server_close()


def test_who_waited_too_long_for_ray_is_handed_in_again(store, text_file):
    with impatient() as (address, jobs):
        run = handed_in(store, text_file, address)
        assert state_of(run) == "queued"
        assert jobs == [read_job(run.path).id]
        assert state_of(run) == "queued"
        assert jobs[1:] == [read_job(run.path).id]
        run.request_stop()
        assert state_of(run) == "stopped"
        assert len(jobs) == 2


def handed_in(store, text_file, address=""):
    """Return a run whose job waits, by a dashboard that may not answer any more."""
    run = store.create(tiny(text_file), "waits")
    with closing(create_server(("127.0.0.1", 0))) as free:
        address = address or f"http://127.0.0.1:{free.getsockname()[1]}"
    write_job(run.path, Job("ray", "job", address=address))
    return run


def test_who_is_withdrawn_has_stopped_and_not_failed(store, text_file):
    run = handed_in(store, text_file)
    assert state_of(run) == "queued"
    run.request_stop()
    assert state_of(run) == "stopped"
    assert run.status().error is None
    assert read_job(run.path).ended


def test_a_job_whose_run_was_withdrawn_does_not_train_it(store, text_file, monkeypatch):
    run = handed_in(store, text_file)
    run.request_stop()
    assert state_of(run) == "stopped"
    monkeypatch.setenv(IN_JOB, "1")
    with pytest.raises(RunError, match="was withdrawn"):
        train_run(run)
    monkeypatch.delenv(IN_JOB)
    assert train_run(run).result.step == 60
