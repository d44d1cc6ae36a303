"""A Chromium that all tests of a process share, left as it was found."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

WINDOW = {"width": 1280, "height": 720}

PATIENCE = 60_000
"""Milliseconds until what should appear counts as missing: machines may be busy."""

STILL = "reduce"
"""What its reader wants of motion: a page that stands still draws no frames.

While Streamlit loads, grey bars glimmer, sixty pictures a second. Whoever tests that
something moves asks for it: `emulate_media(reduced_motion="no-preference")`.
"""


def installed_chromium() -> str | None:
    """Return where Chromium lies, or None.

    The headless shell is Chromium without its own windows and start pages.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium_program() -> str:
    """Return where Chromium lies; skip a test by name where there is none."""
    program = installed_chromium()
    if program is None:
        pytest.skip("Chromium is not installed")
    pytest.importorskip("playwright.sync_api")
    return program


@pytest.fixture(scope="session")
def chromium_flags() -> list[str]:
    """Return how Chromium is started: quietly.

    Letters are as wide as in a window, and it does not look for its maker's servers.
    Scripts that it fetches in the background it compiles anew at every load, though it
    keeps them compiled; the other features are those that Playwright, too, turns off.
    Scripts that run for seconds are not worth the optimising compiler's time.
    """
    off = [
        "BackgroundResourceFetch",
        "HttpsUpgrades",
        "PaintHolding",
        "ThirdPartyStoragePartitioning",
    ]
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--font-render-hinting=none",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--disable-features={','.join(off)}",
        "--js-flags=--no-opt",
    ]


_loops: list[asyncio.AbstractEventLoop] = []
"""Playwright's event loop, once it is there."""


@pytest.fixture(scope="session")
def driver(chromium_program) -> Iterator:
    """Start Playwright; its end closes every browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        _loops.append(asyncio.get_running_loop())
        yield driver
        asyncio._set_running_loop(_loops.pop())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item) -> None:
    """Let a test without a browser run an event loop of its own.

    From one test in a browser to the next, Playwright's counts as running in this
    thread, though nothing runs.
    """
    loop = _loops[0] if _loops and "driver" in item.fixturenames else None
    asyncio._set_running_loop(loop)


@pytest.fixture(scope="session")
def windowless(driver, chromium_program, chromium_flags):
    """Start a browser for those who open windows of their own."""
    return driver.chromium.launch(executable_path=chromium_program, args=chromium_flags)


@pytest.fixture
def chromium(windowless) -> Iterator:
    """Return a browser, for windows that know nothing of each other."""
    yield windowless
    for window in windowless.contexts:  # those of a test that failed
        window.close()


@pytest.fixture(scope="session")
def context(driver, chromium_program, chromium_flags, tmp_path_factory):
    """Return a browser's window. It keeps the app's scripts, read and compiled once."""
    return driver.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=chromium_program,
        args=chromium_flags,
        viewport=WINDOW,
        reduced_motion=STILL,
    )


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
    tab = unharmed(context)
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


def unharmed(context):
    """Return the window's tab, or a new one if it has crashed."""
    from playwright.sync_api import Error

    tab = context.pages[0]
    try:
        tab.evaluate("0")
    except Error:
        new = context.new_page()
        tab.close()
        return new
    return tab


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
    tab.emulate_media(media="null", color_scheme="light", reduced_motion=STILL)
    developer = context.new_cdp_session(tab)
    developer.send("Page.resetNavigationHistory")
    for origin in {"/".join(url.split("/")[:3]) for url in requests}:
        developer.send(
            "Storage.clearDataForOrigin",
            {"origin": origin, "storageTypes": "local_storage"},
        )
    developer.detach()
    context.clear_cookies()
