"""The routes: one model over HTTP, as OpenAI's API spells it.

    POST /v1/completions /v1/chat/completions /v1/embeddings    OpenAI's
    POST /v1/activations                                        our own
    GET  /v1/models /health /metrics

`interventions` in a request ablates parts of the model while it answers, for this
request alone.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from minigpt.serve.answering import BROKEN, Json, answer, progress
from minigpt.serve.bodies import (
    ActivationBody,
    ChatBody,
    CompletionBody,
    EmbeddingBody,
)
from minigpt.serve.chat import Chat, chat_job
from minigpt.serve.completions import Completion, completion_job
from minigpt.serve.errors import ApiError, explain
from minigpt.serve.guard import Guard
from minigpt.serve.jobs import Job
from minigpt.serve.looks import activations, embeddings
from minigpt.serve.metrics import Metrics
from minigpt.serve.served import Served

log = logging.getLogger("minigpt.serve")


def build_app(served: Served) -> FastAPI:
    """Return the application; its engine runs while it does."""
    metrics = Metrics(served.engine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        served.engine.start()
        yield
        served.engine.stop()

    app = FastAPI(title="minigpt", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard, settings=served.settings, count=metrics.count)
    _add_errors(app)
    _add_states(app, served, metrics)
    _add_writing(app, served)
    _add_looks(app, served)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        return explain(error).response()

    @app.exception_handler(HTTPException)
    async def misplaced(request: Request, error: HTTPException) -> Response:
        words = {
            404: "There is no such address here.",
            405: f"{request.method} is not for this address.",
        }
        text = words.get(error.status_code, str(error.detail))
        return ApiError(error.status_code, text).response(error.headers)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        log.error("bug: %s", type(error).__name__)  # uvicorn logs where
        return ApiError(500, BROKEN).response()


def _add_states(app: FastAPI, served: Served, metrics: Metrics) -> None:
    entry = {
        "id": served.name,
        "object": "model",
        "created": served.created,
        "owned_by": "minigpt",
        "max_model_len": served.window,
    }

    @app.get("/v1/models")
    async def models() -> Json:
        return {"object": "list", "data": [entry]}

    @app.get("/v1/models/{name:path}")  # organizations put a slash into names
    async def model(name: str) -> Json:
        served.require(name)
        return entry

    @app.get("/health")
    async def health() -> Json:
        return {"status": "ok", "model": served.name}

    @app.get("/metrics")
    async def numbers() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")


def _add_writing(app: FastAPI, served: Served) -> None:
    @app.post("/v1/completions")
    async def complete(request: Request, body: CompletionBody) -> Response:
        served.require(body.model)
        voice = Completion(served, body)
        return await answer(request, voice, completion_job(served, body))

    @app.post("/v1/chat/completions")
    async def chat(request: Request, body: ChatBody) -> Response:
        served.require(body.model)
        return await answer(request, Chat(served, body), chat_job(served, body))


def _add_looks(app: FastAPI, served: Served) -> None:
    async def found(request: Request, job: Job) -> object:
        served.engine.submit(job)
        async for _ in progress(request, served, job):
            pass
        return job.found

    @app.post("/v1/embeddings")
    async def embed(request: Request, body: EmbeddingBody) -> Response:
        served.require(body.model)
        job = Job(look=embeddings(served, body))
        return JSONResponse(await found(request, job))

    @app.post("/v1/activations")
    async def activate(request: Request, body: ActivationBody) -> Response:
        served.require(body.model)
        response = await found(request, Job(look=activations(served, body)))
        return response if isinstance(response, Response) else Response()
