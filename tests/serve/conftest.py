"""A real server on a free port, and the model that it serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import httpx2
import pytest
from patience import until

MODELS = Path(__file__).parents[2] / "data" / "models"
KEY = "sk-of-the-tests"


class Service(NamedTuple):
    """A server that answers."""

    url: str
    served: Any
    http: httpx2.Client

    def post(self, path: str, **fields: object) -> httpx2.Response:
        """Send a request to the served model."""
        return self.http.post(path, json={"model": self.served.name, **fields})


@contextmanager
def serving(
    model: str = "tales-chat", name: str = "", **limits: Any
) -> Iterator[Service]:
    """Serve a model that ships, under its own name or another, until the block ends."""
    for package in ("fastapi", "prometheus_client"):
        pytest.importorskip(package)
    from minigpt.serve.running import listen, load_served, make_server
    from minigpt.serve.settings import ServeSettings

    settings = ServeSettings(port=0, **limits)
    listening = listen(settings)
    served = load_served(MODELS / model, name or model, settings, "cpu")
    server = make_server(served)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=60) as http:
            yield Service(url, served, http)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The chat model, behind a key."""
    limits = {"max_choices": 8, "max_tokens": 400, "max_activations_mb": 4.0}
    with serving(api_key=(KEY,), **limits) as running:
        yield running
