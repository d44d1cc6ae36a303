"""Bad requests: each gets its status and an error that clients can read."""

import json
import socket

import pytest

C, CHAT = "/v1/completions", "/v1/chat/completions"
E, A = "/v1/embeddings", "/v1/activations"
HI = [{"role": "user", "content": "Hi"}]
DEEP = "[" * 100_000
LONG = "a b " * 20_000

# Where, which fields, the status, and the field that the error names.
FIELDS = [
    (C, {"model": "gpt-4", "prompt": "a"}, 404, "model"),
    (C, {"model": None, "prompt": "a"}, 400, "model"),
    (C, {"model": 3, "prompt": "a"}, 400, "model"),
    (C, {"model": "\ud800", "prompt": "a"}, 404, "model"),
    (C, {"prompt": 5}, 400, "prompt"),
    (C, {"prompt": []}, 400, "prompt"),
    (C, {"prompt": {}}, 400, "prompt"),
    (C, {"prompt": [[]]}, 400, "prompt"),
    (C, {"prompt": [1.5]}, 400, "prompt"),
    (C, {"prompt": [True]}, 400, "prompt"),
    (C, {"prompt": [-1]}, 400, "prompt"),
    (C, {"prompt": [10**30]}, 400, "prompt"),
    (C, {"prompt": [9999]}, 400, "prompt"),
    (C, {"prompt": ["a", [1]], "n": 5}, 400, "n"),
    (C, {"prompt": ["a", None]}, 400, "prompt"),
    (C, {"prompt": "\ud800"}, 400, "prompt"),
    (C, {"prompt": LONG}, 400, "prompt"),
    (C, {"prompt": "Mia had a red kite. " * 60}, 400, "prompt"),
    (C, {"prompt": [5] * 257}, 400, "prompt"),
    (C, {"prompt": ["a"] * 9}, 400, "n"),
    (C, {"prompt": ["a" * 90] * 9000}, 400, "n"),
    (C, {"max_tokens": 0}, 400, "max_tokens"),
    (C, {"max_tokens": -1}, 400, "max_tokens"),
    (C, {"max_tokens": 401}, 400, "max_tokens"),
    (C, {"max_tokens": 1.5}, 400, "max_tokens"),
    (C, {"max_tokens": "5"}, 400, "max_tokens"),
    (C, {"max_tokens": True}, 400, "max_tokens"),
    (C, {"max_tokens": 10**40}, 400, "max_tokens"),
    (C, {"temperature": 2.1}, 400, "temperature"),
    (C, {"temperature": -0.1}, 400, "temperature"),
    (C, {"temperature": "hot"}, 400, "temperature"),
    (C, {"temperature": float("nan")}, 400, "temperature"),
    (C, {"temperature": float("inf")}, 400, "temperature"),
    (C, {"top_p": 0}, 400, "top_p"),
    (C, {"top_p": 1.1}, 400, "top_p"),
    (C, {"top_k": 0}, 400, "top_k"),
    (C, {"min_p": 2}, 400, "min_p"),
    (C, {"repetition_penalty": 0}, 400, "repetition_penalty"),
    (C, {"n": 0}, 400, "n"),
    (C, {"n": 9}, 400, "n"),
    (C, {"n": 10**9}, 400, "n"),
    (C, {"seed": 2**63}, 400, "seed"),
    (C, {"seed": 1.5}, 400, "seed"),
    (C, {"stop": ""}, 400, "stop.0"),
    (C, {"stop": ["a"] * 17}, 400, "stop"),
    (C, {"stop": ["a", 3]}, 400, "stop.1"),
    (C, {"stop": "a" * 257}, 400, "stop.0"),
    (C, {"stream": "yes"}, 400, "stream"),
    (C, {"stream_options": {"usage": True}}, 400, "usage"),
    (C, {"logprobs": 21}, 400, "logprobs"),
    (C, {"logprobs": True}, 400, "logprobs"),
    (C, {"echo": True, "logprobs": 1}, 400, "echo"),
    (C, {"best_of": 3}, 400, "best_of"),
    (C, {"suffix": "end"}, 400, "suffix"),
    (C, {"logit_bias": {"50256": -100}}, 400, "logit_bias"),
    (C, {"presence_penalty": 0.5}, 400, "presence_penalty"),
    (C, {"temprature": 1}, 400, "temprature"),
    (C, {"__class__": "x", "a" * 5000: 1}, 400, "__class__"),
    (C, {"interventions": ["L9H0"]}, 400, "interventions"),
    (C, {"interventions": ["L0H1 x1e9"]}, 400, "interventions"),
    (C, {"interventions": ["L0H1 mean"]}, 400, "interventions"),
    (C, {"interventions": ["token3"]}, 400, "interventions"),
    (C, {"interventions": ["__import__('os')"]}, 400, "interventions"),
    (C, {"interventions": ["L0H0"] * 257}, 400, "interventions"),
    (C, {"interventions": [""]}, 400, "interventions"),
    (C, {"interventions": [f"L{'9' * 5000}H0"]}, 400, "interventions"),
    (C, {"interventions": ["L\u0660H1"]}, 400, "interventions"),
    (C, {"\ud800": 1}, 400, "?"),
    (CHAT, {}, 400, "messages"),
    (CHAT, {"messages": []}, 400, "messages"),
    (CHAT, {"messages": "Hi"}, 400, "messages"),
    (CHAT, {"messages": [{"role": "user", "content": "\ud800"}]}, 400, "messages"),
    (CHAT, {"messages": ["Hi"]}, 400, "messages.0"),
    (CHAT, {"messages": [{"role": "user"}]}, 400, "messages.0.content"),
    (CHAT, {"messages": [{"role": "tool", "content": "a"}]}, 400, "messages.0.role"),
    (CHAT, {"messages": [{"role": "user", "content": 3}]}, 400, "messages.0.content"),
    (
        CHAT,
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        400,
        "messages.0.content",
    ),
    (CHAT, {"messages": [*HI, {"role": "assistant", "content": "a"}]}, 400, "messages"),
    (CHAT, {"messages": [{"role": "user", "content": LONG}]}, 400, "messages"),
    (CHAT, {"messages": HI * 128}, 400, "messages"),
    (CHAT, {"messages": HI, "tools": [{"type": "function"}]}, 400, "tools"),
    (
        CHAT,
        {"messages": HI, "response_format": {"type": "json_object"}},
        400,
        "response_format",
    ),
    (CHAT, {"messages": HI, "top_logprobs": 3}, 400, "top_logprobs"),
    (CHAT, {"messages": HI, "logprobs": 3}, 400, "logprobs"),
    (CHAT, {"messages": HI, "max_completion_tokens": 401}, 400, "max_tokens"),
    (E, {}, 400, "input"),
    (E, {"input": []}, 400, "input"),
    (E, {"input": "a", "dimensions": 3}, 400, "dimensions"),
    (E, {"input": "a", "encoding_format": "int8"}, 400, "encoding_format"),
    (E, {"input": ["a"] * 9}, 400, "input"),
    (A, {"prompt": "a"}, 400, "hooks"),
    (A, {"prompt": "a", "hooks": []}, 400, "hooks"),
    (A, {"prompt": "a", "hooks": "blocks.9.*"}, 400, "hooks"),
    (A, {"prompt": "a", "hooks": "blocks.0.attn.hook_ptern"}, 400, "hooks"),
    (A, {"prompt": ["a", "b"], "hooks": "*"}, 400, "prompt"),
    (A, {"prompt": "a", "hooks": "*", "format": "pickle"}, 400, "format"),
    (A, {"prompt": [5] * 256, "hooks": "*"}, 413, "hooks"),
    (A, {"prompt": "a", "hooks": "hook_embed", "interventions": "x"}, 400, None),
    (A, {"prompt": "a", "hooks": "*", "interventions": "token1"}, 400, "interventions"),
    (A, {"prompt": "a", "hooks": "*", "interventions": "L0H0[1,0]"}, 400, None),
]

JSON = "application/json"
# What is no request at all: method, path, type, body, status.
RAW = [
    ("POST", C, JSON, b"", 400),
    ("POST", C, JSON, b"{", 400),
    ("POST", C, JSON, b"[]", 400),
    ("POST", C, JSON, b"null", 400),
    ("POST", C, JSON, b'"text"', 400),
    ("POST", C, JSON, b"\xff\xfe{}", 400),
    ("POST", C, JSON, b'{"model": "tales-chat", "prompt": "\xff"}', 400),
    ("POST", C, JSON, DEEP.encode(), 400),
    ("POST", C, JSON, b'{"a":' * 50_000, 400),
    ("POST", C, "text/plain", b'{"model": "tales-chat"}', 400),
    ("POST", C, "multipart/form-data; boundary=x", b"--x--", 400),
    ("POST", C, JSON, b" " * (2**20 + 1), 413),
    ("POST", C, JSON, b'{"model": "' + b"a" * 2**20 + b'"}', 413),
    ("GET", C, JSON, b"", 405),
    ("DELETE", "/v1/models/tales-chat", JSON, b"", 405),
    ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", JSON, b"", 404),
    ("GET", "/v1/models/none", JSON, b"", 404),
    ("GET", "/", JSON, b"", 404),
    ("GET", "/docs", JSON, b"", 404),
    ("POST", "/v1/fine_tuning/jobs", JSON, b"{}", 404),
    ("BREW", C, JSON, b"", 405),
]


def is_an_error(answer) -> dict:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert 10 < len(error["message"]) < 400
    assert "\n" not in error["message"]
    assert "Traceback" not in answer.text
    return error


@pytest.mark.parametrize("chunk", range(4))
def test_a_wrong_field_is_named(service, chunk):
    assert len(FIELDS) + len(RAW) >= 110
    for path, fields, status, param in FIELDS[chunk::4]:
        body = json.dumps({"model": "tales-chat", **fields})
        answer = service.http.post(path, content=body, headers={"Content-Type": JSON})
        assert answer.status_code == status, (path, body[:80], answer.text[:200])
        error = is_an_error(answer)
        assert error["param"] == param or param is None, (body[:80], error)
        assert error["type"] == "invalid_request_error"
        assert error["code"] != "no_chat_template"  # it was tuned to chat


def test_what_is_no_request_is_told_so(service):
    for method, path, kind, body, status in RAW:
        answer = service.http.request(
            method, path, content=body, headers={"Content-Type": kind}
        )
        assert answer.status_code == status, (method, path, body[:40], answer.text)
        is_an_error(answer)


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00",
    ],
    ids=range(7),
)
def test_a_broken_request_breaks_nothing(service, request_line):
    host, port = service.url[7:].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(request_line)
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(2000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert service.http.get("/health").status_code == 200


def test_after_all_that_it_answers(service):
    answer = service.post(C, prompt="Once", max_tokens=2)
    assert answer.status_code == 200
    assert service.served.engine.num_writing == service.served.engine.num_waiting == 0
