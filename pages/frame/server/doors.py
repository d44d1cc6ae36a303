"""What every request passes before Streamlit sees it, and what every answer carries.

A browser sends requests on behalf of any page that it shows, so being reachable only
from this machine protects nothing. Refused here: a `Host` that is not ours (see
`hosts`), an `Origin` other than the address it was sent to, a picture or a script that
another site embeds, and a file that no page asked for. Streamlit would look up this
machine's address on the internet before it refused a foreign origin, and every session
would wait for that.
"""

import base64
import re
from collections.abc import Callable, MutableMapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minigpt.serve import hosts
from pages.frame.server import uploads

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+")
_FOR_THIS_MACHINE = ("/_stcore/metrics", "/_stcore/script-health-check")
_FORM = uploads.MEGABYTE
"""What a form adds to its file, in bytes, at most."""


class Refusal(NamedTuple):
    """Why a request is not let in."""

    status: int
    words: str


class Doors:
    """Refuses what is not ours, and adds the headers that keep pages to themselves.

    Args:
        app: What is behind the doors.
        is_allowed: Whether the server answers to a host name.
        named: The names that whoever started the server allows.
        framers: The sites that may show the app in a frame of theirs.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_allowed: Callable[[str], bool],
        named: Sequence[str] = (),
        framers: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._is_allowed = is_allowed
        self._named = named
        self._framers = framers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request here, and hand on any other."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope = _as_it_was_asked(scope, self._named)
        refused = self._refusal(scope)
        answer = _with_headers(send, scope, self._framers)
        if refused is None:
            size = _upload_limit(scope)
            await self._app(scope, _limited(receive, size), answer)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            response = PlainTextResponse(refused.words, refused.status)
            response.headers["Connection"] = "close"  # its body is not read
            await response(scope, receive, answer)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        name = hosts.host_name(named[0]) if len(named) == 1 else None
        if name is None:
            return Refusal(400, "The Host header is missing or malformed.")
        if not self._is_allowed(name):
            return Refusal(
                421,
                "This server does not answer to that name. Whoever runs it can allow "
                "it: launch.py --allow-host NAME",
            )
        return _foreign(headers, named[0]) or _misplaced(scope, headers)


def _as_it_was_asked(scope: Scope, named: Sequence[str]) -> Scope:
    """Undo what a tunnel to this machine does to the name that a browser asked for.

    A tunnel such as a GitHub Codespace's puts `localhost` in `Host`, and leaves the
    browser's name in `Origin`. A page of a name that was allowed is one of our own.
    """
    headers = Headers(scope=scope)
    asked, origins = headers.getlist("host"), headers.getlist("origin")
    names = [name for name in named if origins == [f"https://{name}"]]
    if names and len(asked) == 1 and hosts.host_name(asked[0]) in hosts.LOOPBACK:
        scope = {**scope, "headers": list(scope["headers"])}
        MutableHeaders(scope=scope)["host"] = names[0]
    return scope


def _with_headers(send: Send, scope: Scope, framers: Sequence[str]) -> Send:
    """Add the headers of `security_headers` to the answer."""
    host = Headers(scope=scope).get("host", "")
    name = hosts.host_name(host)

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = security_headers("" if name is None else host, framers)
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return answer


def security_headers(host: str, framers: Sequence[str] = ()) -> dict[str, str]:
    """Return what every answer says of how it may be used.

    The page may load and reach only this server; what a model or a reader wrote cannot
    fetch anything, even if it should become markup. Styles are inline in Streamlit and
    in the components; `blob:` is how the components' scripts are loaded.

    Args:
        host: The address that was asked, with its port. Not every browser takes
            WebSockets to it for a part of `'self'`.
        framers: The sites that may show the page in a frame.
    """
    sockets = f"ws://{host} wss://{host}" if host else ""
    policy = {
        "default-src": "'self'",
        "script-src": f"'self' blob: {_inline_scripts()}",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "connect-src": f"'self' data: blob: {sockets}",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(["'self'", *framers]),
    }
    # It can name no other site, and says what `frame-ancestors` says without any.
    frames = {} if framers else {"X-Frame-Options": "SAMEORIGIN"}
    return {
        **frames,
        "Content-Security-Policy": "; ".join(f"{k} {v}" for k, v in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


@cache
def _inline_scripts() -> str:
    """Name the scripts inside Streamlit's own page by their hashes."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)
    digests = [base64.b64encode(sha256(text.encode()).digest()) for text in scripts]
    return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)


def _foreign(headers: Headers, host: str) -> Refusal | None:
    """Refuse what a page of another site has sent."""
    mode = headers.get("sec-fetch-mode", "navigate")
    site = headers.get("sec-fetch-site", "")
    if hosts.is_foreign(headers.getlist("origin"), mode, site, host):
        return Refusal(403, "This request comes from a page of another site.")
    return None


def _misplaced(scope: Scope, headers: Headers) -> Refusal | None:
    """Refuse a file that no page asked for, and what only this machine may ask."""
    path = scope["path"]
    if path in _FOR_THIS_MACHINE:
        client = scope.get("client") or ("",)
        if client[0] not in hosts.LOOPBACK:
            return Refusal(404, "Not found.")
    size = _upload_limit(scope)
    if size is None:
        return None
    if size == 0:
        return Refusal(403, "No page asks for a file now, or it has enough.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return Refusal(400, "The Content-Length header is malformed.")
    if int(length) > size + _FORM:
        return Refusal(413, "The file is larger than the page says.")
    return None


def _upload_limit(scope: Scope) -> int | None:
    """Return how many bytes a file may have; None where none is sent."""
    found = _UPLOAD.fullmatch(scope["path"])
    if found is None or scope.get("method") != "PUT":
        return None
    return uploads.limit(found[1])


def _limited(receive: Receive, size: int | None) -> Receive:
    """Stop reading a body that grows larger than it may, whatever its length says."""
    if size is None:
        return receive
    left = size + _FORM

    async def read() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, "The file is larger than the page says.")
        return message

    return read
