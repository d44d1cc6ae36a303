"""Who may pass into a class: whoever holds a link of it, and later their cookie.

Every request is looked at here, before Streamlit sees it: pages, sockets, uploads and
downloads. What a learner may do inside is decided by `minigpt.spaces`.

    /join/<secret>    a form that asks for a name; then the app, as a learner
    /teach/<secret>   the app, as the teacher
    /take/<secret>    a study: its first test, as a learner without a name
    /leave            forgets this browser

Where a class is entered by an account, `/enter` stands in for `/join`: it leads to the
provider, and lets in whoever has logged in there (`login`).
"""

import logging
from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from minigpt.classroom.logins import Person, let_in, person_of
from minigpt.classroom.opened import Login, Opened
from minigpt.classroom.room import Seat
from minigpt.classroom.study import participants, studies
from minigpt.errors import RoomError
from pages.frame.server import login

_log = logging.getLogger(__name__)
_OPEN = ("/_stcore/health", "/_stcore/script-health-check")
"""What tells a watcher that the server lives; `doors` keeps the second one local."""
_LARGEST_FORM = 4096
_DAYS = 30
_PAGE = (Path(__file__).parent / "gate.html").read_text(encoding="utf-8")
_NAME_FIELD = """<form method="post"><label for="name">Your name</label>
<input id="name" name="name" maxlength="32" required autofocus autocomplete="off"
value="{typed}"><button>Join</button></form>"""
_STUDY_WORDS = (
    "Three short tests and a lesson. You need no name: you get a code, and your "
    "answers are kept under it."
)
_CODE_FIELD = """<form method="post"><label for="code">Your code, if you were here
before</label>
<input id="code" name="code" maxlength="12" autocomplete="off"
autocapitalize="characters" value="{typed}"><button>Begin</button></form>"""
_LOG_IN = '<p><a class="button" href="{address}">Log in</a></p>'
_ENTER_BUTTON = """<form method="post" action="/enter"><button>Enter</button></form>
<p><a href="/auth/logout">That is not me</a></p>"""
_LEAVE_BUTTON = '<form method="post"><button>Leave the class</button></form>'


class Gate:
    """Lets members of a class in, and shows everybody else where they stand.

    Args:
        app: What is behind the gate.
        opened: The class.
    """

    def __init__(self, app: ASGIApp, opened: Opened) -> None:
        self._app = app
        self._opened = opened
        self._room = opened.room
        self._open = (*_OPEN, *(login.ROUTES if opened.login else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what a member asks for, and answer everything else here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            seat = self._room.seat(self._cookie(scope))
        except RoomError as error:  # its cause is for whoever sees the terminal
            _log.error("%s", error)
            words = "The class cannot be read at the moment. Tell your teacher."
            await _page("One moment", words, status=503)(scope, receive, send)
            return
        path = scope["path"]
        if scope["type"] == "http" and (answer := self._place(path)) is not None:
            response = await answer(Request(scope, receive), seat)
        elif seat is not None or (scope["type"] == "http" and path in self._open):
            await self._app(scope, receive, send)
            return
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        elif self._opened.login is not None:
            response = _invitation(scope, self._opened.login, 401)
        else:
            words = "This is a class. Open the link that your teacher shows."
            response = _page("Come in by the link", words, status=401)
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, send)

    def _place(
        self, path: str
    ) -> Callable[[Request, Seat | None], Awaitable[Response]] | None:
        """Return what answers at an address of the gate's own."""
        first = path.partition("/")[2].partition("/")[0]  # `OPTIONS *` has no slash
        known = {"join": self._join, "teach": self._teach, "leave": self._leave}
        known["take"] = self._take
        if self._opened.login is not None:
            known["enter"] = known["join"] = self._enter
        return known.get(first)

    def _cookie(self, scope: Scope) -> str | None:
        """Return the secret that a browser shows, read as Streamlit reads it."""
        return HTTPConnection(scope).cookies.get(self._opened.cookie)

    async def _join(self, request: Request, seat: Seat | None) -> Response:
        if seat is not None:
            return _into("/")
        secret, typed = request.url.path.removeprefix("/join/"), ""
        try:
            self._room.require_open(secret)
            if request.method != "POST":
                return _page("Join the class", "", _NAME_FIELD.format(typed=""))
            typed = await _field(request, "name")
            return self._seated(request, self._room.join(secret, typed), "/")
        except RoomError as error:
            form = _NAME_FIELD.format(typed=escape(typed[:32])) if typed else ""
            return _page("Join the class", str(error), form, status=403)

    async def _enter(self, request: Request, seat: Seat | None) -> Response:
        """Let in whoever has logged in."""
        if seat is not None or self._opened.login is None:
            return _into("/")
        person = _whose(request, self._opened.login)
        if person is None or request.method != "POST":
            return _invitation(request.scope, self._opened.login)
        try:
            cookie = let_in(self._room, person, self._opened.login.teachers)
            return self._seated(request, cookie, "/")
        except RoomError as error:
            return _page("Enter the class", str(error), _ENTER_BUTTON, status=403)

    async def _take(self, request: Request, seat: Seat | None) -> Response:
        """Let somebody into a study: new, by a code, or as the learner they are."""
        typed = ""
        try:
            secret = request.url.path.removeprefix("/take/")
            study, arm = studies.found_by(self._room, secret)
            if seat is not None and seat.member is not None:
                participants.enrol(self._room, study, seat.member, arm)
                return _into("/study")
            if seat is not None:
                raise RoomError(
                    "You are the teacher. To see what learners see, open this link in "
                    "a private window."
                )
            if request.method != "POST":
                return _page("A study", _STUDY_WORDS, _CODE_FIELD.format(typed=""))
            typed = (await _field(request, "code")).strip()
            if typed:
                cookie = participants.come_back(self._room, study, typed)
            else:
                cookie = participants.come_in(self._room, study, arm)
            return self._seated(request, cookie, "/study")
        except RoomError as error:
            form = _CODE_FIELD.format(typed=escape(typed[:12])) if typed else ""
            return _page("A study", str(error), form, status=403)

    async def _teach(self, request: Request, _seat: Seat | None) -> Response:
        secret = request.url.path.removeprefix("/teach/")
        try:
            return self._seated(request, self._room.teach(secret), "/classroom")
        except RoomError as error:
            return _page("The teacher's link", str(error), status=403)

    async def _leave(self, request: Request, seat: Seat | None) -> Response:
        if seat is None:
            return _into("/")
        if request.method != "POST":
            words = f"You are {seat.name}. What you made stays until the class ends."
            return _page("Leave the class", words, _LEAVE_BUTTON)
        self._room.leave(self._cookie(request.scope) or "")
        response = _page("You have left", "Close this page.")
        if self._opened.login is not None:  # or the account would stay logged in
            # Not a redirect: a form may lead to no other site, and the provider is one.
            response.headers["Refresh"] = f"0; url={login.LOGOUT}"
        response.delete_cookie(self._opened.cookie)
        return response

    def _seated(self, request: Request, secret: str, page: str) -> Response:
        """Give a browser its cookie, and open a page without the link's secret."""
        response = _into(page)
        forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
        response.set_cookie(
            self._opened.cookie,
            secret,
            max_age=_DAYS * 24 * 3600,
            httponly=True,
            samesite="lax",
            secure=forwarded == "https",
        )
        return response


def _whose(browser: HTTPConnection, by: Login) -> Person | None:
    """Return who has logged in, if anybody has."""
    return person_of(login.claims(browser.cookies, by.root))


def _invitation(scope: Scope, by: Login, status: int = 200) -> Response:
    """Return the page that leads to the provider of the accounts, and then in."""
    person = _whose(HTTPConnection(scope), by)
    if person is None:
        words = "This is a class. Log in with the account that your school gave you."
        link = _LOG_IN.format(address=login.address())
        return _page("Enter the class", words, link, status)
    role = " You teach it." if person.email in by.teachers else ""
    words = f"You are {person.name}.{role}"
    return _page("Enter the class", words, _ENTER_BUTTON, status)


async def _field(request: Request, name: str) -> str:
    """Read a field of a form; empty, if it is not there.

    Raises:
        RoomError: If there is none, or it is no text.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            raise RoomError(f"This {name} is too long.")
    try:
        fields = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=4)
    except ValueError:
        raise RoomError(f"This cannot be a {name}: it is not text.") from None
    return fields.get(name, [""])[0]


def _into(page: str) -> Response:
    return RedirectResponse(page, 303)


def _page(title: str, words: str, form: str = "", status: int = 200) -> Response:
    """Return a small page: text as it is, never markup."""
    filled = _PAGE.replace("{title}", escape(title)).replace("{words}", escape(words))
    return HTMLResponse(filled.replace("{form}", form), status)
