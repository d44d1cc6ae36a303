"""An answer on its way: whole, or as a stream of events; ended by whoever hangs up.

What a text looks like in an answer is the business of a `Voice`: `completions` has one,
`chat` another.
"""

import asyncio
import json
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from minigpt.errors import MinigptError
from minigpt.generation.batch.draft import Draft
from minigpt.serve.bodies import Writing
from minigpt.serve.errors import ApiError
from minigpt.serve.jobs import Job
from minigpt.serve.served import Served

Json = dict[str, Any]

BROKEN = "Something broke here; the server's log says what."
HUNG_UP = 499
"""What servers note as the status of a request whose client is gone."""


class Voice(ABC):
    """How one request's texts are told.

    Args:
        served: The model.
        body: What was asked for.
    """

    prefix: ClassVar[str]
    whole: ClassVar[str]
    part: ClassVar[str]

    def __init__(self, served: Served, body: Writing) -> None:
        self.served, self.body = served, body
        self._head = {
            "id": f"{self.prefix}-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": served.name,
        }

    @abstractmethod
    def told(self, draft: Draft) -> str:
        """Return what is told of a draft's text so far; it only ever grows."""

    @abstractmethod
    def choice(self, draft: Draft, text: str, span: slice) -> Json:
        """Return one entry of `choices` in a whole answer, without its index.

        Args:
            draft: What is told.
            text: As `told` says it.
            span: Which of the draft's tokens are meant.
        """

    @abstractmethod
    def change(self, draft: Draft, text: str, span: slice) -> Json:
        """Return the same for what is new in a stream: a part of its text."""

    def beginning(self) -> Json | None:
        """Return what a stream says of each text before its first word, if anything."""
        return None

    def envelope(self, choices: Sequence[Json], *, streams: bool) -> Json:
        """Put entries of `choices` into an answer or an event."""
        kind = self.part if streams else self.whole
        return {**self._head, "object": kind, "choices": list(choices)}


def finish_reason(draft: Draft) -> str | None:
    """Return why a text is complete, in OpenAI's words."""
    if draft.stop_reason is None:
        return None
    return "length" if draft.stop_reason == "length" else "stop"


def usage(job: Job) -> Json:
    """Count tokens; a prompt counts once, however many texts continue it."""
    read = sum(len(draft.prompt_tokens) for draft in job.drafts[:: job.repeats])
    written = sum(len(draft.choices) for draft in job.drafts)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


class EventStream(StreamingResponse):
    """Server-sent events of a job, which is given up with them, however they end."""

    def __init__(self, request: Request, voice: Voice, job: Job) -> None:
        events = _events(request, voice, job)
        super().__init__(events, media_type="text/event-stream")
        self._engine, self._job = voice.served.engine, job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them. A client may be gone before the first."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._engine.give_up(self._job)


async def answer(request: Request, voice: Voice, job: Job) -> Response:
    """Write a job and answer with it.

    Raises:
        ApiError: If too many wait, or it takes too long.
    """
    voice.served.engine.submit(job)
    request.state.notes |= {"stream": voice.body.stream}
    if voice.body.stream:
        return EventStream(request, voice, job)
    async for _ in progress(request, voice.served, job):
        pass
    texts = [voice.choice(one, voice.told(one), slice(None)) for one in job.drafts]
    whole = voice.envelope(_numbered(texts), streams=False)
    return JSONResponse({**whole, "usage": usage(job)})


async def progress(request: Request, served: Served, job: Job) -> AsyncIterator[None]:
    """Yield when a job has news, to its end; give it up if nobody waits for it.

    Raises:
        ApiError: If it takes too long, or what went wrong is the client's to mend.
    """
    notes = request.state.notes
    try:
        async with _given_up_by_hang_up(request, served, job):
            async for _ in job.news(served.settings.timeout):
                if job.drafts:
                    notes.setdefault("first_token", round(job.age, 6))
                yield
    except TimeoutError:
        seconds = served.settings.timeout
        raise ApiError(
            504, f"This took longer than {seconds:g} seconds.", code="timeout"
        ) from None
    except MinigptError as error:
        raise ApiError(400, str(error)) from None
    except ApiError:
        raise
    except Exception:  # the engine has logged it
        raise ApiError(500, BROKEN) from None
    finally:
        served.engine.give_up(job)
        if job.drafts:
            notes |= usage(job)


@asynccontextmanager
async def _given_up_by_hang_up(
    request: Request, served: Served, job: Job
) -> AsyncIterator[None]:
    """Give a job up when its client is gone, whatever runs inside is doing."""

    async def listen() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        request.state.notes["hung_up"] = True
        served.engine.give_up(job)
        job.fail(ApiError(HUNG_UP, "The client has hung up."))

    listener = asyncio.create_task(listen())
    try:
        yield
    finally:
        listener.cancel()


async def _events(request: Request, voice: Voice, job: Job) -> AsyncIterator[str]:
    """Yield server-sent events: what is new of each text, a usage if asked, the end."""
    told = [""] * len(job.drafts)
    counted = [0] * len(job.drafts)
    ended = [False] * len(job.drafts)
    beginning = voice.beginning()
    if beginning is not None:
        entries = _numbered([beginning] * len(told))
        yield _event(voice.envelope(entries, streams=True))
    try:
        async for _ in progress(request, voice.served, job):
            for index, draft in enumerate(job.drafts):
                is_done = draft.is_done  # first, so that all of its text is there
                text, count = voice.told(draft), len(draft.choices)
                if ended[index] or (text == told[index] and not is_done):
                    continue
                new = slice(counted[index], count)
                entry = voice.change(draft, text[len(told[index]) :], new)
                if not is_done:
                    entry["finish_reason"] = None
                told[index], counted[index], ended[index] = text, count, is_done
                yield _event(voice.envelope([{"index": index, **entry}], streams=True))
    except ApiError as error:
        yield _event(error.body())
        return
    if voice.body.stream_options.include_usage:
        last = voice.envelope([], streams=True)
        yield _event({**last, "usage": usage(job)})
    yield "data: [DONE]\n\n"


def _numbered(entries: Sequence[Json]) -> list[Json]:
    return [{"index": index, **entry} for index, entry in enumerate(entries)]


def _event(content: Json) -> str:
    return f"data: {json.dumps(content, separators=(',', ':'))}\n\n"
