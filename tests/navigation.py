"""The pages in the app's navigation, for the tests that visit them all."""

import re
import runpy
from urllib.parse import urlencode

from streamlit_server import ROOT

_course = runpy.run_path(str(ROOT / "pages/frame/course.py"))

PAGES = _course["PAGES"]
"""What `pages.frame.course.PAGES` holds: path, title, name …"""

HOME = _course["HOME"]


def visit(page, url: str, lesson, **query: str) -> None:
    """Open a page of the app in a browser, and wait until it stands still."""
    open_link(page, address(url, lesson, **query))


def open_link(page, link: str) -> None:
    """Open an address of the app, and wait until the page stands still.

    While a page still runs, it can overtake a click: the browser sends all widgets'
    values with each message, and those of an earlier run may arrive after it.
    """
    page.goto(link)
    settle(page)


def follow(page, lesson) -> None:
    """Go to a page by its link in the sidebar; what is open there is left."""
    link = page.get_by_test_id("stSidebarNavLink")
    link.get_by_text(lesson.title, exact=True).click()
    path = "/" if lesson == HOME else f"/{lesson.name}"
    page.wait_for_function(
        "([path, title]) => location.pathname === path && document.title === title",
        arg=[path, f"{lesson.title} · minigpt"],
        polling=50,
    )
    stand_still(page)


def address(url: str, lesson, **query: str) -> str:
    """Return where a page of the app lies."""
    name = "" if lesson == HOME else lesson.name
    return f"{url}/{name}?{urlencode(query)}"


STILL = """() => {
    const busy = document.querySelector(
        "[data-testid=stStatusWidget], [data-testid=stSkeleton], [data-stale=true]"
    );
    const done = document.querySelector("[data-test-script-state=notRunning]");
    if (busy || !done) window.stillSince = undefined;
    else window.stillSince ??= performance.now();
    return performance.now() - window.stillSince > 150;
}"""
"""It stands still when it has done so for a moment, in milliseconds."""


def settle(page) -> None:
    """Wait until the script has run through and what it drew is there."""
    page.locator(".st-key-keyboard").wait_for(state="attached")
    # It runs once more when the browser has handed over what it remembers.
    page.locator(".browser_memory.read").wait_for(state="attached")
    stand_still(page)


def stand_still(page) -> None:
    """Wait until nothing runs, and all that was sent is drawn."""
    page.evaluate("window.stillSince = undefined")  # not that of an earlier look
    page.wait_for_function(STILL, polling=50)


def press_stop(page) -> None:
    """Press the page's own Stop: while it runs, Streamlit's header has one, too."""
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()


def click_thumbnail(page, layer: int, head: int, *, layers: int = 2) -> None:
    """Click a thumbnail of a model with two heads a layer; all are on one canvas."""
    canvas = page.locator(".head_grid canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()
    left, top = 28.8, 21.6  # the names of layers and heads
    canvas.click(
        position={
            "x": left + (head + 0.5) * (box["width"] - left) / 2,
            "y": top + (layer + 0.4) * (box["height"] - top) / layers,
        }
    )


def see_steps(page, *, patience: int = 90_000) -> None:
    """Wait until a run that is watched shows a step of 20 or more, `40 / 1,200`.

    Args:
        page: The browser's tab.
        patience: Milliseconds.
    """
    step = page.get_by_test_id("stMetricValue").filter(
        has_text=re.compile(r"^\s*([2-9]\d|\d{3}|[\d,]+,\d{3}) / ")
    )
    step.first.wait_for(timeout=patience)
