"""A class that is entered by an account, at a provider of OpenID on this machine."""

import json
import os
import signal
import subprocess
import sys
from typing import NamedTuple

import pytest
from classroom import provider
from itsdangerous import URLSafeTimedSerializer
from one_browser import STILL
from patience import until
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit_server import ROOT, serve

pytest.importorskip("authlib")
from joserfc.jwk import RSAKey

pytestmark = pytest.mark.browser

ADA = {"sub": "1", "name": "Ada", "email": "Ada@school.example", "email_verified": True}
ZOE = {"sub": "2", "name": "Zoë (8b)", "email": "zoe@school.example"}
SECRETS = """[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "{cookie}"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{url}/.well-known/openid-configuration"
"""


class School(NamedTuple):
    """A class, where it is, and who knows its people."""

    url: str
    provider: provider.Provider
    printed: str


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Start a class that Ada teaches."""
    home = tmp_path_factory.mktemp("home")
    log = home / "log"
    port = serve["free_port"]("127.0.0.1", 18701)
    (home / ".streamlit").mkdir()
    command = ["serve.py", "--no-browser", "--share", "--processes", "1"]
    command += ["--teachers", "bob@school.example,ada@school.example"]
    with provider.running() as accounts, log.open("wb") as output:
        secrets = SECRETS.format(
            port=port,
            cookie="c" * 32,
            client=provider.CLIENT,
            secret=provider.SECRET,
            url=accounts.url,
        )
        (home / ".streamlit" / "secrets.toml").write_text(secrets, "utf-8")
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "HOME": str(home), "MINIGPT_DATA": str(home / "data")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            serve["wait_until_ready"](port, alive=lambda: process.poll() is None)
            until(lambda: "learners' link" in log.read_text())
            yield School(f"http://localhost:{port}", accounts, log.read_text())
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.fixture
def arrive(chromium, school):
    """Return a function that opens a browser of its own at the class."""
    contexts = []

    def open_browser(*cookies: dict):
        contexts.append(chromium.new_context(reduced_motion=STILL))
        contexts[-1].add_cookies([{**each, "url": school.url} for each in cookies])
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(school.url)
        return page

    yield open_browser
    for context in contexts:
        context.close()


def log_in(page, claims: dict) -> None:
    """Log in at the provider as somebody."""
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Claims").fill(json.dumps(claims))
    page.get_by_role("button", name="Sign in").click()


def enter(page) -> None:
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("heading", name="The course").wait_for()


def is_teacher(page) -> bool:
    return page.get_by_role("link", name="Class", exact=True).count() > 0


def test_learners_and_the_teacher_come_by_their_accounts_and_leave(school, arrive):
    assert f"The learners' link: {school.url}\n" in school.printed
    assert "/join/" not in school.printed
    zoe = arrive()
    log_in(zoe, ZOE)
    zoe.get_by_text("You are Zoë 8b.").wait_for()
    enter(zoe)
    assert not is_teacher(zoe)
    again = arrive()  # the same account, in another browser, is the same learner
    log_in(again, ZOE)
    enter(again)
    ada = arrive()
    log_in(ada, ADA)
    ada.get_by_text("You are Ada. You teach it.").wait_for()
    enter(ada)
    ada.get_by_role("link", name="Class", exact=True).click()
    ada.get_by_role("heading", name="Learners · 1 of 1 here").wait_for()

    zoe.goto(f"{school.url}/leave")
    zoe.get_by_text("You are Zoë 8b.").wait_for()
    zoe.get_by_role("button", name="Leave the class").click()
    zoe.get_by_role("link", name="Log in").wait_for()
    assert school.provider.ended == 1
    left = {each["name"] for each in zoe.context.cookies()}
    assert not [name for name in left if "seat" in name or "user" in name]
    zoe.goto(f"{school.url}/enter")
    zoe.get_by_role("link", name="Log in").wait_for()


def test_whoever_is_not_on_the_list_is_a_learner(arrive):
    eve = arrive()
    log_in(eve, ADA | {"sub": "3", "email_verified": False})
    enter(eve)
    assert not is_teacher(eve)


def test_a_forged_token_and_a_forged_cookie_let_nobody_in(school, arrive):
    eve = arrive()
    school.provider.signs_with = RSAKey.generate_key(2048)
    log_in(eve, ADA)
    eve.get_by_role("link", name="Log in").wait_for()
    assert eve.get_by_role("button", name="Enter").count() == 0
    school.provider.signs_with = school.provider.key
    said = ADA | {"iss": "x", "origin": school.url, "is_logged_in": True}
    for secret, sees in ("another", "Log in"), ("c" * 32, "That is not me"):
        made = URLSafeTimedSerializer(secret, salt=USER_COOKIE_NAME)
        cookie = {"name": USER_COOKIE_NAME, "value": made.dumps(json.dumps(said))}
        arrive(cookie).get_by_role("link", name=sees).wait_for()
