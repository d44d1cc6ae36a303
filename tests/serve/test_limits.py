"""Places, queues, time, keys and names: what a server keeps for everybody."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from patience import until

from .conftest import KEY, serving

SECRET = "the secret of Zanzibar"
LONG = {"prompt": SECRET, "max_tokens": 90_000, "ignore_eos": True}


@pytest.fixture(scope="module")
def narrow():
    """A server that writes one text at a time and lets one request wait."""
    with serving("tales", max_texts=1, max_waiting=1, max_tokens=100_000) as running:
        yield running


@contextmanager
def asking(service, **fields) -> Iterator[socket.socket]:
    """Send a request over a socket of our own, and hang up when the block ends."""
    body = json.dumps({"model": service.served.name, **fields}).encode()
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: {service.url[7:]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    host, port = service.url[7:].split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head.encode() + body)
        yield line


@pytest.mark.parametrize("stream", [True, False])
def test_who_hangs_up_frees_the_place(narrow, stream, caplog):
    engine = narrow.served.engine
    with caplog.at_level(logging.INFO, "minigpt.serve"):
        with asking(narrow, stream=stream, **LONG) as line:
            while stream and b"data: " not in line.recv(4096):
                pass
            until(lambda: engine.num_writing)
        answer = narrow.post("/v1/completions", prompt="a", max_tokens=3)
        assert answer.status_code == 200  # 90,000 tokens would take minutes
        assert engine.num_writing == 0
        until(lambda: any('"hung_up": true' in line for line in caplog.messages))


def test_who_hangs_up_before_the_first_word_leaves_nothing_behind(narrow):
    for number in range(6):
        with asking(narrow, stream=number % 2 == 0, **LONG):
            pass
    asked = {"prompt": "a", "max_tokens": 1}
    until(lambda: narrow.post("/v1/completions", **asked).status_code == 200)
    engine = narrow.served.engine
    until(lambda: engine.num_writing == engine.num_waiting == 0)


def test_who_finds_the_queue_full_is_told_when_to_try_again(narrow):
    engine = narrow.served.engine
    with asking(narrow, **LONG):
        until(lambda: engine.num_writing)
        with asking(narrow, **LONG):
            until(lambda: engine.num_waiting)
            for path, asked in (
                ("/v1/completions", {"prompt": "a"}),
                ("/v1/embeddings", {"input": "a"}),
            ):
                refused = narrow.post(path, **asked)
                assert refused.status_code == 429
                assert refused.headers["Retry-After"] == "1"
                assert refused.json()["error"]["code"] == "queue_full"
        until(lambda: engine.num_waiting == 0)
        assert narrow.post("/v1/embeddings", input="a").status_code == 200
    until(lambda: engine.num_writing == 0)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("part", ["_model", "_decoder"])  # to join, to take a step
def test_a_bug_costs_one_request_and_no_more(narrow, stream, part, caplog, monkeypatch):
    with monkeypatch.context() as fault:
        fault.setattr(narrow.served.engine._batch._slots, part, None)
        broken = narrow.post("/v1/completions", prompt=SECRET, stream=stream)
    assert broken.status_code == (200 if stream else 500)
    error = json.loads(broken.text.removeprefix("data: "))["error"]
    assert error["type"] == "server_error"
    assert "Traceback" not in broken.text
    assert "a bug" in caplog.messages
    assert "Zanzibar" not in caplog.text
    assert narrow.post("/v1/completions", prompt="a").status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_what_takes_too_long_ends_with_an_error(stream):
    with serving(timeout=0.4, max_tokens=100_000) as hasty:
        answer = hasty.post("/v1/completions", **LONG, stream=stream)
        text = answer.text.strip().removeprefix("data: ").rpartition("data: ")[2]
        assert json.loads(text)["error"]["code"] == "timeout"
        assert answer.status_code == (200 if stream else 504)
        until(lambda: hasty.served.engine.num_writing == 0)


def test_a_model_that_was_never_tuned_to_chat_says_so(narrow):
    messages = [{"role": "user", "content": "Hello"}]
    refused = narrow.post("/v1/chat/completions", messages=messages)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "no_chat_template"
    assert "finetune" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": f"Bearer {KEY[:-1]}"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": KEY}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80@127.0.0.1"}, 400),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({}, 200),
        ({"Authorization": f"bearer {KEY}"}, 200),
    ],
    ids=str,
)
def test_strangers_stay_outside(service, headers, status):
    answer = service.http.get("/v1/models", headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_health_needs_no_key_and_metrics_does(service):
    assert httpx2.get(f"{service.url}/health").json()["status"] == "ok"
    assert httpx2.get(f"{service.url}/metrics").status_code == 401


def test_the_log_and_the_metrics_count_and_hold_nothing_private(service, caplog):
    before = service.http.get("/metrics").text
    with caplog.at_level(logging.INFO, "minigpt.serve"):
        asked = {"prompt": SECRET, "max_tokens": 5, "ignore_eos": True}
        line = logged(caplog, service.post("/v1/completions", **asked))
        lost = logged(caplog, service.http.get(f"/{SECRET}"))
    tokens = len(service.served.tokenizer.encode(SECRET))
    assert (line["route"], line["status"]) == ("/v1/completions", 200)
    assert (line["prompt_tokens"], line["completion_tokens"]) == (tokens, 5)
    assert 0 < line["first_token"] <= line["seconds"]
    assert (lost["route"], lost["status"]) == ("unknown", 404)
    assert "Zanzibar" not in caplog.text
    assert KEY not in caplog.text
    after = service.http.get("/metrics").text
    assert sample(after, "minigpt_prompt_tokens_total") == tokens + sample(
        before, "minigpt_prompt_tokens_total"
    )
    assert sample(after, "minigpt_texts_writing") == 0


def logged(caplog, answer: httpx2.Response) -> dict:
    """Return what the log says of a request, as soon as it does."""
    request = answer.headers["X-Request-Id"]
    until(lambda: any(request in line for line in caplog.messages))
    return json.loads(next(line for line in caplog.messages if request in line))


def sample(text: str, name: str) -> float:
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == name:
                return found.value
    raise AssertionError(f"{name} is not there")
