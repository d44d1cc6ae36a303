"""What every request passes: who asks, how much is sent; and the line that is logged.

A browser sends requests on behalf of any page that it shows, so being reachable only
from this machine protects nothing: see `hosts`. A body is read here, whole, with a
limit on its size and its time. The log says what was asked for and how it went; it
holds no prompt, no answer, no key and no address.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minigpt.serve import hosts
from minigpt.serve.errors import ApiError
from minigpt.serve.settings import ServeSettings

log = logging.getLogger("minigpt.serve")

OPEN = ("/health",)
"""Routes that answer without a key."""
BODY_SECONDS = 10.0
"""The longest that sending a body may take."""
READ_ON = 16
"""Of a body that is so many times too large the rest is read and dropped: a client that
still sends does not listen to what it is told."""


class Guard:
    """Refuses strangers, limits bodies, notes every request.

    Args:
        app: What is behind it.
        settings: Who may ask, and how much.
        count: Takes what is logged of each request.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServeSettings,
        count: Callable[[dict[str, object]], None],
    ) -> None:
        self._app, self._settings, self._count = app, settings, count
        self._keys = [_digest(key) for key in settings.api_key]
        self._named = [name.lower().rstrip(".") for name in settings.allow_host]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request here, and hand on any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        notes: dict[str, Any] = {"request": uuid.uuid4().hex, "status": 500}
        scope.setdefault("state", {})["notes"] = notes

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                notes["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = notes["request"]
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            self._check(scope)
            body = await self._body(scope, receive)
            await self._app(scope, _with_body(body, receive), answer)
        except ApiError as error:
            await error.response({"Connection": "close"})(scope, receive, answer)
        finally:
            notes["seconds"] = round(time.perf_counter() - begun, 6)
            self._note(scope, notes)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        name = hosts.host_name(named[0]) if len(named) == 1 else None
        if name is None:
            raise ApiError(400, "The Host header is missing or malformed.")
        is_shared = self._settings.host not in hosts.LOOPBACK
        if not hosts.is_allowed(name, self._named, share=is_shared):
            raise ApiError(
                421,
                "This server does not answer to that name. Whoever runs it can allow "
                "it: minigpt serve --allow_host NAME",
            )
        mode = headers.get("sec-fetch-mode", "navigate")
        site = headers.get("sec-fetch-site", "")
        if hosts.is_foreign(headers.getlist("origin"), mode, site, named[0]):
            raise ApiError(403, "This request comes from a page of another site.")
        if self._keys and scope["path"] not in OPEN and not self._is_known(headers):
            raise ApiError(
                401,
                "The API key is missing or wrong: send Authorization: Bearer KEY.",
                code="invalid_api_key",
            )

    def _is_known(self, headers: Headers) -> bool:
        """Compare a key with every one there is, in the same time for any."""
        kind, _, key = headers.get("authorization", "").partition(" ")
        sent = _digest(key.strip() if kind.lower() == "bearer" else "")
        matches = [hmac.compare_digest(sent, known) for known in self._keys]
        return any(matches)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        most = self._settings.max_body_kb * 1024
        length = Headers(scope=scope).get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise ApiError(400, "The Content-Length header is malformed.")
        body, size, is_whole = bytearray(), 0, False
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not is_whole and max(size, int(length)) <= READ_ON * most:
                    message = await receive()
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= most:
                        body += part
                    is_whole = not message.get("more_body", False)
        except TimeoutError:
            raise ApiError(408, "The body did not arrive in time.") from None
        if size > most or not is_whole:
            text = f"The body is larger than {most:,} bytes."
            raise ApiError(413, text, code="too_large")
        return bytes(body)

    def _note(self, scope: Scope, notes: dict[str, Any]) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"].isalpha() else "unknown"
        line = {
            "time": round(time.time(), 3),
            "method": method,
            "route": route,
            **notes,
        }
        self._count(line)
        log.info("%s", json.dumps(line))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _with_body(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already, and then whatever comes."""
    is_given = False

    async def read() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read
