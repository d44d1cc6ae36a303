"""Every control of a page, clicked in a real browser, found by itself.

`Walk.page` loads a page, clicks whatever can be clicked, follows what a click reveals
(a view, a popover, a dialog), leaves the page and returns. It gathers what went wrong
instead of stopping at the first fault.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from navigation import address
from playwright.sync_api import Error as OutOfReach
from playwright.sync_api import Page

from .controls import Control, asked, batches, differing

SCRIPT = Path(__file__).with_name("controls.js")
PATIENCE = 20_000
"""Milliseconds until what should have happened counts as missing."""
DEEPEST = 2
"""Clicks on the way to a control: a view's tab, then a popover in it."""
UNMOVED = 2.0
"""Seconds without a change, once the server has answered, that make a control dead."""
ONE_OF_MANY = ("mark", "stepper")
"""Kinds of which one in each place is enough: marks in a figure, + and −."""
ROUNDS = 3
"""How often what a button brought may bring more: Start, Stop, Resume."""
STOPS = ("Stop", "Stop both", "Pause")
BROKEN = (
    "[data-testid=stException], [class*=st-key-problem_]:has-text('Something broke')"
)


class Gone(Exception):
    """A control that was offered is not there on a fresh page."""


@dataclass
class Walk:
    """A tab that clicks, and what it found."""

    tab: Page
    address: str
    errors: list[str]
    side: str = "main"
    before_load: Callable[[], None] = lambda: None
    """Brings back what a click may have deleted."""
    problems: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Seen after several clicks, and not there when the page was opened anew."""
    clicked: list[Control] = field(default_factory=list)
    _events: int = 0
    _at: tuple[str, ...] | None = None
    _families: set[str] = field(default_factory=set)

    def __post_init__(self):
        self.tab.add_init_script(path=SCRIPT)
        for event in ("download", "filechooser", "popup"):
            self.tab.on(event, self._hear)

    def page(self) -> None:
        """Click everything on the page, and everything that a click reveals."""
        self._load()
        waiting = [((), self._new())]
        while waiting:
            path, controls = waiting.pop(0)
            for batch in batches(controls):
                waiting += self._click_all(path, batch)

    def _click_all(self, path, batch):
        """Click what belongs together, then leave and return; tell what appeared."""
        revealed = []
        try:
            self._go(path)
            sent = self._told("sent")
            for control in batch:
                if not self._click(control, path):
                    return revealed
                new = self._new()
                if control.kind == "button":
                    if not self._use_at_once((*path, control.id), new):
                        return revealed
                elif new and len(path) < DEEPEST:
                    revealed.append(((*path, control.id), new))
            if self._told("sent") == sent:
                self._close(batch[-1], path)
            else:
                self._leave_and_return(batch[-1], path)
        except Gone as missing:
            if not path:
                self._blame(path, str(missing), "is gone on a fresh page")
            self.missed.append(str(missing))
            self._at = None
        except OutOfReach as error:
            self._blame(path, batch[-1].id, f"{type(error).__name__}: {error}"[:300])
            self._at = None
        return revealed

    def _use_at_once(self, path, controls) -> bool:
        """Click what a button brought, as long as it is there; is the page still open?

        A training that has begun, a dialog that asks again: it is not begun once more
        for each of its buttons. What still works in the end is stopped.
        """
        for _ in range(ROUNDS):
            for control in controls:
                if control.id in self._offered() and not self._click(control, path):
                    return False
            controls = self._new()
        for control in self._offered().values():
            if control.name in STOPS:
                self._click(control, path)
        return True

    def _click(self, control, path) -> bool:
        """Click once, and see something happen; whether the page is still open."""
        if control.id not in self._offered():
            self._at = None
            self._go(path)
        before, sent, events = self._look(), self._told("sent"), self._events
        self._press(control.id)
        self.clicked.append(control)
        if control.kind == "list":
            self._choose_another(control.id)
        if not self._changes(before, events) and not control.chosen:
            self._blame(path, control.id, "nothing changed")
        self._blame_errors(path, control.id)
        self._at = path if self._told("sent") == sent else None
        here = urlsplit(self.address).path
        if urlsplit(self.tab.url).path == here:
            return True
        self._follow(here)
        self._blame_errors(path, control.id, "after returning: ")
        self._at = () if asked(self.tab.url) == asked(self.address) else None
        return False

    def _choose_another(self, id_):
        options = self.tab.get_by_role("option")
        try:
            options.first.wait_for(timeout=1000 * UNMOVED)
        except OutOfReach:  # the page was drawn anew under the click: once more
            self._press(id_)
            options.first.wait_for()
        others = self.tab.locator("[role=option][aria-selected=false]")
        (others if others.count() else options).last.click()

    def _changes(self, before, events) -> bool:
        """Wait until something has changed and the server has answered."""
        patient_until = time.monotonic() + PATIENCE / 1000
        still_since = None
        while time.monotonic() < patient_until:
            still = self.tab.evaluate("controls.isStill()")
            if self._look() != before or self._events != events:
                self._settle()
                return True
            still_since = (still_since or time.monotonic()) if still else None
            if still and time.monotonic() - still_since > UNMOVED:
                return False
            self.tab.wait_for_timeout(30)
        return False

    def _close(self, last, path):
        """Shut what only the browser has opened; the page goes on."""
        if last.kind == "expander":
            self._press_again(last.id)
        else:
            self.tab.keyboard.press("Escape")
        self._at = path if last.kind in ("expander", "popover", "button") else None

    def _leave_and_return(self, last, path):
        """Go to another page by the sidebar, come back, and find the page working."""
        self.tab.keyboard.press("Escape")  # a figure may take it for a step back
        self.tab.wait_for_timeout(200)
        self._settle()
        address = self.tab.url
        kept = self._bound()
        here = urlsplit(self.address).path
        if self._link(here).is_visible():  # in present mode there is no sidebar
            self._follow("/" if here.endswith("/library") else "/library")
            self._follow(here)
            self._blame_errors(path, last.id, "after leaving and returning: ")
            if changed := self._changed(kept):
                self._blame(path, last.id, f"after returning: {changed}")
        self._at = ()
        if asked(address) != asked(self.address):
            self._reload(address, kept, path, last)

    def _reload(self, address, kept, path, last):
        """Open the address anew: it shows what was shown."""
        self.tab.goto(address)
        self._settle()
        if changed := self._changed(kept):
            self._blame(path, last.id, f"its link shows something else: {changed}")
        self._blame_errors(path, last.id, "after a reload: ")
        self._at = None

    def _changed(self, kept):
        """Tell what is not shown as it was; a figure draws a moment after its page."""
        patient_until = time.monotonic() + UNMOVED
        while changed := differing(kept, self._shown(kept)):
            if time.monotonic() > patient_until:
                break
            self.tab.wait_for_timeout(50)
        return changed

    def _bound(self):
        """What the widgets show that the address names."""
        return self._shown(
            [key for key in asked(self.tab.url) if key not in ("hide", "present")]
        )

    def _shown(self, keys):
        return self.tab.evaluate("keys => controls.shown(keys)", list(keys))

    def _link(self, path):
        return self.tab.locator(f"[data-testid=stSidebarNav] a[href$='{path}']").first

    def _follow(self, path):
        link = self._link(path)
        if link.is_visible():
            link.click()
        else:
            self.tab.goto(urljoin(self.address, path))
        self.tab.wait_for_function("path => location.pathname === path", arg=path)
        self._settle()

    def _go(self, path):
        """Stand where the clicks of a path lead to."""
        if self._at == path:
            return
        if self._at is None:
            self._load()
        for id_ in path[len(self._at) :] if path[: len(self._at)] == self._at else path:
            if not self._wait_for(id_).chosen:
                before, events = self._look(), self._events
                self._press_again(id_)
                self._changes(before, events)
                self._blame_errors(path, "on the way there")
        self._at = path

    def _load(self):
        self.before_load()
        if self.tab.url.startswith("http"):  # what earlier clicks have answered
            self.tab.evaluate("localStorage.clear()")
        self.tab.goto(self.address)
        self._settle()
        self._at = ()
        self._blame_errors((), "load")

    def _press(self, id_):
        self._wait_for(id_)
        self._press_again(id_)

    def _wait_for(self, id_) -> Control:
        """What a popover holds comes a moment after it is open."""
        patient_until = time.monotonic() + UNMOVED
        while id_ not in (offered := self._offered()):
            if time.monotonic() > patient_until:
                raise Gone(id_)
            self.tab.wait_for_timeout(50)
        return offered[id_]

    def _press_again(self, id_):
        node = self.tab.evaluate_handle("id => controls.nodes[id]", id_)
        node.as_element().click(timeout=PATIENCE)

    def _offered(self) -> dict[str, Control]:
        found = self.tab.evaluate("side => controls.list(side)", self.side)
        return {each["id"]: Control(**each) for each in found}

    def _new(self) -> list[Control]:
        """What is offered and of a kind that was not offered before."""
        new = [c for c in self._offered().values() if c.family not in self._families]
        seen = Counter()
        kept = []
        for control in new:
            seen[control.family] += 1
            if control.kind not in ONE_OF_MANY or seen[control.family] == 1:
                kept.append(control)
        self._families |= set(seen)
        return kept

    def _look(self):
        return self.tab.evaluate("controls.look()")

    def _told(self, what):
        return self.tab.evaluate("what => controls.told[what]", what)

    def _settle(self):
        self.tab.wait_for_function(
            "() => window.controls?.isStill()", timeout=PATIENCE * 6
        )

    def _hear(self, event):
        self._events += 1

    def _blame_errors(self, path, id_, when=""):
        for box in self.tab.locator(BROKEN).all():
            self._blame(path, id_, when + box.inner_text()[:200])
        for error in self.errors:
            self._blame(path, id_, f"{when}console: {error[:200]}")
        self.errors.clear()

    def _blame(self, path, id_, words):
        self.problems.append(f"{' → '.join((*path, id_))}: {words}")


def walk_on(page, server, lesson, witness, **options) -> Walk:
    """Prepare a walk over one page of the app, in a browser's tab."""
    query = options.pop("query", {"prompt": "the red kite"})
    return Walk(page, address(server.url, lesson, **query), witness.errors, **options)
