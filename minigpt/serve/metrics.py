"""What a server has done, in the text format of Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from minigpt.serve.engine import Engine

# A second line for each, of when it was first counted.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Counts of one server; two in one process do not mix."""

    def __init__(self, engine: Engine) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "minigpt_requests", "Requests.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "minigpt_request_seconds",
            "From a request's arrival to its last byte.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            "minigpt_first_token_seconds",
            "From a request's arrival to its first token.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._read = Counter("minigpt_prompt_tokens", "Tokens read.", registry=registry)
        self._written = Counter(
            "minigpt_completion_tokens", "Tokens written.", registry=registry
        )
        writing = Gauge("minigpt_texts_writing", "Now.", registry=registry)
        writing.set_function(lambda: engine.num_writing)
        waiting = Gauge("minigpt_requests_waiting", "Now.", registry=registry)
        waiting.set_function(lambda: engine.num_waiting)

    def count(self, line: dict[str, object]) -> None:
        """Count a request.

        Args:
            line: What the log says of it.
        """
        route = str(line["route"])
        self._requests.labels(route, str(line["status"])).inc()
        for name, add in (
            ("seconds", self._seconds.labels(route).observe),
            ("first_token", self._first.observe),
            ("prompt_tokens", self._read.inc),
            ("completion_tokens", self._written.inc),
        ):
            value = line.get(name)
            if isinstance(value, int | float):
                add(value)

    def text(self) -> bytes:
        """Return all of it."""
        return generate_latest(self._registry)
