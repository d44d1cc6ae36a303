"""A real server, a real browser, and small random models."""

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from streamlit_server import ROOT, serve_script

WINDOW = {"width": 1280, "height": 720}

PATIENCE = 60_000
"""Milliseconds until what should appear counts as missing: machines may be busy."""


@dataclass
class Server:
    """Where the app answers, and where its models and runs lie."""

    url: str
    data: Path
    log: Path


@contextmanager
def serve(data: Path) -> Iterator[Server]:
    """Start the app and wait until it answers."""
    log = data / "server.log"
    with serve_script(ROOT / "app.py", log, MINIGPT_DATA=str(data)) as port:
        yield Server(f"http://127.0.0.1:{port}", data, log)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Return a data directory with a transformer `glass` and an MLP `mlp`."""
    make_models = runpy.run_path(str(ROOT / "tests/pages/make_models.py"))
    return make_models["make_models"](tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def all_models(tmp_path_factory) -> Path:
    """Return a data directory of a module's own, with all that a page may open."""
    data = tmp_path_factory.mktemp("clicks")
    for name in ("make_models", "make_chat_models"):
        runpy.run_path(str(ROOT / f"tests/pages/{name}.py"))[name](data)
    return data


@pytest.fixture(scope="session")
def serve_app():
    """Return the way to start a server of one's own."""
    return serve


@pytest.fixture(scope="session")
def server(data, chromium_program) -> Iterator[Server]:
    """Start one server for all tests that need no fresh one."""
    with serve(data) as running:
        yield running


@dataclass
class Witness:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hear(self, message) -> None:
        """Keep an error of the console."""
        # Below a deep link, Streamlit first asks where the server's root is.
        where = message.location.get("url", "")
        if message.type == "error" and "/_stcore/" not in where:
            self.errors.append(f"{message.text} ({where})")


@pytest.fixture
def witness() -> Witness:
    """Return the record of the page's requests and errors."""
    return Witness()


@pytest.fixture(scope="session")
def profile(tmp_path_factory) -> Path:
    """Return where the browser keeps the app's scripts, read and compiled once."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def context(chromium_program, chromium_flags, profile):
    """Return a browser's window.

    Not for the whole session: while it is open, Playwright holds the thread's event
    loop, and no other test could run one of its own.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        window = driver.chromium.launch_persistent_context(
            profile,
            executable_path=chromium_program,
            args=chromium_flags,
            viewport=WINDOW,
        )
        yield window
        window.close()


@pytest.fixture
def page(request, context, witness):
    """Return a tab that may ask nobody but the server, and may not complain.

    It finds a browser that remembers nothing of the tests before. The tab itself may
    be theirs: where it has run the app's scripts, they begin in two thirds of the time.
    """
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    if "own_server" in request.fixturenames:  # it must not stop before its page
        request.getfixturevalue("own_server")
    tab = context.pages[0]
    tab.set_default_timeout(PATIENCE)
    ears = {
        "request": lambda request: witness.requests.append(request.url),
        "pageerror": lambda error: witness.errors.append(str(error)),
        "console": witness.hear,
    }
    for event, hear in ears.items():
        tab.on(event, hear)
    yield tab
    for event, hear in ears.items():
        tab.remove_listener(event, hear)
    forget(context, witness.requests)
    foreign = [
        url
        for url in witness.requests
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))
    ]
    assert foreign == []
    assert witness.errors == []


@pytest.fixture
def own_tab(page):
    """Return a tab that is closed in the end, with what no other test shall see."""
    yield page
    page.context.new_page()  # a browser may go with its last one
    page.close()


def forget(context, requests: list[str]) -> None:
    """Leave one tab, empty and as it was at first; clear what the app has stored."""
    tab, *others = context.pages
    for other in others:
        other.close()
    tab.goto("about:blank")
    tab.mouse.move(0, 0)
    tab.set_viewport_size(WINDOW)
    tab.emulate_media(media="null", color_scheme="light", reduced_motion="null")
    developer = context.new_cdp_session(tab)
    developer.send("Page.resetNavigationHistory")
    for origin in {"/".join(url.split("/")[:3]) for url in requests}:
        developer.send(
            "Storage.clearDataForOrigin",
            {"origin": origin, "storageTypes": "local_storage"},
        )
    developer.detach()
    context.clear_cookies()


@pytest.fixture
def own_server(tmp_path, chromium_program) -> Iterator[Server]:
    """Start a server without any model."""
    with serve(tmp_path) as running:
        yield running
