"""A lesson of the app, in a frame of another site: who is given a signed result."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from streamlit_server import ROOT, serve_script

from minigpt.lesson_file.handed_in import key_of, verified

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><script>
const heard = [];
addEventListener("message", ({{ data, origin }}) => {{
  if (data.type === "minigpt-result") heard.push({{ ...data, origin }});
}});
</script><iframe src="{}" title="inside" width="1200" height="900"></iframe>"""


class Frames(BaseHTTPRequestHandler):
    """Answers with a page around the address that follows the `?`."""

    def do_GET(self) -> None:
        body = PAGE.format(self.path.partition("?")[2]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def sites():
    """Serve two sites: a course's, and one that shows the course."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Frames) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def address(sites, data, tmp_path_factory):
    """Serve the app, and let both sites show it."""
    options = [word for site in sites for word in ("--allow-frame", site)]
    log = tmp_path_factory.mktemp("framed") / "log"
    with serve_script(ROOT / "app.py", log, *options, MINIGPT_DATA=str(data)) as port:
        yield f"http://127.0.0.1:{port}"


def test_the_page_around_a_lesson_is_given_the_code_once_and_nobody_else(
    page, sites, address
):
    from playwright.sync_api import expect

    course, top = sites
    page.goto(f"{top}/?{course}/?{address}/tokenizer?embed=true")
    app = page.frame_locator("iframe").frame_locator("iframe")
    box = app.locator(".st-key-hand_in")
    box.get_by_text("Hand in your result").click()
    expect(box).to_contain_text(f"in a page of {course}, which is given the code, too.")
    box.get_by_label("Your name").fill("Ann")
    box.get_by_label("The class’s word").fill("hedgehog")
    box.get_by_role("button", name="Make the code").click()
    expect(box).to_contain_text(f"{course} was given the code.")
    title = box.get_by_text("Hand in your result")
    title.click()
    expect(box.get_by_label("Your code")).to_have_count(0)
    title.click()  # shown once more, and not given once more
    code = box.get_by_label("Your code").input_value()
    (around,) = (each for each in page.frames if each.url.startswith(course))
    (heard,) = around.evaluate("heard")
    assert (heard["origin"], heard["code"]) == (address, code)
    assert heard["result"] == verified(code, key_of("hedgehog")).model_dump()
    assert heard["result"]["name"] == "Ann"
    assert page.evaluate("heard") == []
