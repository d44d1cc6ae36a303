"""Tours, walked with real keys: what is lit is seen, and the figure moves along."""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

SCREENS = {
    "laptop": (1280, 720, ""),
    "projector": (1280, 720, "&present=1"),
    "phone": (390, 844, ""),
    "Steer": (1280, 720, "&intervene=Steer"),
    "Circuit": (1280, 720, "&intervene=Circuit"),
    "Many prompts": (1280, 720, "&intervene=Many+prompts"),
}
"""Width, height, and what else is in the address."""
WALKS = [
    ("", "phone"),
    ("tokenizer", "laptop"),
    ("attention", "projector"),
    # One tour a screen is enough for what all share. What these move, they move in the
    # session: tests/pages/tours and tests/lessons/test_tours.py walk them, too.
    *(
        pytest.param(*each, marks=pytest.mark.walk)
        for each in [
            ("", "laptop"),
            ("", "projector"),
            ("block", "phone"),
            ("generation", "phone"),
            ("beam_search", "projector"),
            ("embeddings", "phone"),
            ("learning", "laptop"),
            ("head_explorer", "projector"),
            ("logit_lens", "phone"),
            ("intervene", "Steer"),
            ("intervene", "Circuit"),
            ("intervene", "Many prompts"),
        ]
    ),
]
PROMPT = "the red kite"

# What a region shows, whatever it is drawn with: words, shapes, pixels.
LOOK = """key => {
    const parts = [];
    const walk = node => {
        for (const child of node.childNodes)
            if (child.nodeType === Node.TEXT_NODE) parts.push(child.data);
        if (node.attributes) for (const each of node.attributes)
            if (each.name !== "id") parts.push(each.value);
        if (node.matches?.("canvas")) parts.push(node.toDataURL());
        if (node.matches?.("input, textarea")) parts.push(node.value);
        for (const child of node.children ?? []) walk(child);
        if (node.shadowRoot) walk(node.shadowRoot);
    };
    walk(document.querySelector(`.st-key-${CSS.escape(key)}`));
    return parts.join("|");
}"""
# The lit frame, the card and the region: do they lie as they should?
PLACES = """key => {
    const view = [...document.querySelectorAll(".st-key-tour *")]
        .map(node => node.shadowRoot).find(Boolean);
    const box = node => {
        const { left, top, right, bottom } = node.getBoundingClientRect();
        return { left, top, right, bottom };
    };
    return {
        light: box(view.querySelector(".light")),
        card: box(view.querySelector(".card")),
        region: box(document.querySelector(`.st-key-${CSS.escape(key)}`)),
    };
}"""
# The page has answered every message, and scrolls no more. Asked a few times a second.
STILL = """() => {
    const tour = [...document.querySelectorAll(".st-key-tour *")]
        .map(node => node.shadowRoot?.querySelector(".tour")?.tour).find(Boolean);
    const isTold = !tour || (tour.sent === tour.heard && tour.at === tour.shown);
    const isRunning = document.querySelector("[data-testid=stStatusWidget]") !== null
        || document.querySelector("[data-testid=stApp]").dataset.testScriptState
            !== "notRunning";
    const regions = "[data-testid=stMain] [class*=st-key-]";
    const places = [...document.querySelectorAll(regions)]
        .map(node => node.getBoundingClientRect().top).join();
    const isMoving = window.placesBefore !== places;
    window.placesBefore = places;
    return isTold && !isRunning && !isMoving;
}"""


def settle(page) -> None:
    page.locator(".st-key-keyboard").wait_for(state="attached")
    page.wait_for_function(STILL, polling=200)


def start(page, server, name: str, query: str = "") -> None:
    page.goto(f"{server.url}/{name}?prompt={PROMPT}{query}")
    settle(page)
    page.locator(".st-key-take_tour button").click()
    page.locator(".tour .card").wait_for()
    settle(page)


def stops_of(page) -> list[dict]:
    return page.evaluate(
        """() => [...document.querySelectorAll(".st-key-tour *")]
            .map(node => node.shadowRoot?.querySelector(".tour")).find(Boolean)
            .tour.stops"""
    )


def count(page) -> str:
    return page.locator(".tour .count").inner_text()


def state_of(page) -> dict[str, str]:
    return dict(
        page.evaluate("() => [...new URLSearchParams(location.search).entries()]")
    )


@pytest.mark.parametrize(("name", "screen"), WALKS)
def test_every_stop_lights_a_region_in_sight_and_the_figure_moves(
    name, screen, page, server
):
    width, height, query = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    start(page, server, name, query)
    stops = stops_of(page)
    assert 6 <= len(stops) <= 10
    seen = []
    for number, stop in enumerate(stops, start=1):
        assert count(page) == f"{number} of {len(stops)}"
        assert page.locator(".tour .words").inner_text() == stop["words"]
        places = page.evaluate(PLACES, stop["region"])
        light, card, region = places["light"], places["card"], places["region"]
        # Of what is taller than the room above the card, the beginning is lit.
        assert 0 <= light["top"] <= region["top"], (number, places)
        assert light["bottom"] <= min(card["top"], region["bottom"] + 10), number
        assert light["bottom"] - light["top"] > min(
            100, region["bottom"] - region["top"]
        ), (number, places)
        assert card["bottom"] <= height
        assert card["right"] <= width
        seen.append((stop["region"], page.evaluate(LOOK, stop["region"])))
        page.keyboard.press("PageDown")
        settle(page)
    assert len(set(seen)) > len(stops) / 2, "the figure hardly moves"


def test_no_press_is_lost_however_fast_they_come(page, server):
    start(page, server, "attention")
    for key in ("PageDown", "ArrowRight", " ", "ArrowDown", "PageUp", "Space"):
        page.keyboard.press(key)
    expect(page.locator(".tour .count")).to_have_text("5 of 9")
    page.wait_for_function(
        "() => location.search.includes('token=6')"
    )  # the middle token
    settle(page)
    expect(page.get_by_label("Token", exact=True)).to_have_value("6")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    settle(page)
    expect(page.get_by_label("Token", exact=True)).to_have_value("11")


def test_escape_puts_back_what_the_tour_moved(page, server):
    start(page, server, "attention", "&token=7&layer=1")
    before = state_of(page)
    assert before.pop("cell") == "k:7"  # the first stop opens it
    for _ in range(4):
        page.keyboard.press("PageDown")
    settle(page)
    expect(page.get_by_label("Token", exact=True)).to_have_value("4")
    page.keyboard.press("Escape")
    expect(page.locator(".tour .card")).to_have_count(0)
    expect(page.get_by_label("Token", exact=True)).to_have_value("7")
    settle(page)
    assert state_of(page) == before


def test_the_buttons_go_on_and_back_and_the_view_can_be_kept(page, server):
    start(page, server, "attention")
    card = page.locator(".tour .card")
    back = card.get_by_role("button", name="Back")
    expect(back).to_be_disabled()
    card.get_by_role("button", name="Next").click()
    expect(card.locator(".count")).to_have_text("2 of 9")
    back.click()
    expect(card.locator(".count")).to_have_text("1 of 9")
    for _ in range(9):
        page.keyboard.press("PageDown")  # one too many does not end it
    expect(card.locator(".count")).to_have_text("9 of 9")
    settle(page)
    card.get_by_role("button", name="Keep this view").click()
    expect(card).to_have_count(0)
    page.locator(".st-key-take_tour button").click()
    card.get_by_role("button", name="Close the tour").click()
    expect(card).to_have_count(0)
    page.locator(".st-key-take_tour button").click()
    card.wait_for()
    for _ in range(8):
        page.keyboard.press("PageDown")
    card.get_by_role("button", name="Done").click()
    expect(card).to_have_count(0)


def test_a_field_that_is_written_in_keeps_its_keys(page, server):
    start(page, server, "attention")
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.focus()
    for key in ("End", "Space", "ArrowLeft", "x"):
        page.keyboard.press(key)
    expect(prompt).to_have_value(f"{PROMPT}x ")
    assert count(page) == "1 of 9"


VOICE = """
    window.said = [];
    const voices = [{ name: "own", lang: "en-GB", localService: true }];
    class Said { constructor(text) { this.text = text; } }
    Object.defineProperty(window, "SpeechSynthesisUtterance", { value: Said });
    Object.defineProperty(window, "speechSynthesis", { value: {
        getVoices: () => voices,
        speak: said => window.said.push(said.text),
        cancel: () => window.said.push(null),
        addEventListener() {}, removeEventListener() {},
    }});
"""


@pytest.mark.usefixtures("own_tab")  # its script is left in it
def test_the_words_are_read_aloud_only_when_asked(page, server):
    page.add_init_script(VOICE)  # this browser has no voice: the page sees another's
    start(page, server, "attention")
    words = [stop["words"] for stop in stops_of(page)]
    assert [said for said in page.evaluate("window.said") if said] == []
    aloud = page.locator(".tour").get_by_role("button", name="Read aloud")
    aloud.click()
    page.keyboard.press("PageDown")
    settle(page)
    assert [said for said in page.evaluate("window.said") if said] == words[:2]
    aloud.click()
    page.keyboard.press("PageDown")
    settle(page)
    assert [said for said in page.evaluate("window.said") if said] == words[:2]


@pytest.mark.usefixtures("own_tab")  # its script is left in it
def test_without_a_voice_of_its_own_a_browser_says_why_it_is_silent(page, server):
    page.add_init_script("delete window.speechSynthesis")
    start(page, server, "attention")
    aloud = page.locator(".tour").get_by_role("button", name="Read aloud")
    expect(aloud).to_be_disabled()
    assert "no English voice" in aloud.get_attribute("title")


def test_reduced_motion_scrolls_at_once(page, server):
    start(page, server, "attention")
    asked = page.evaluate(
        """() => new Promise(resolve => {
            const main = document.querySelector("[data-testid=stMain]");
            const scroll = main.scrollBy;
            main.scrollBy = how => { resolve(how.behavior); scroll.call(main, how); };
            main.scrollTop = 0;
            window.dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
            document.querySelector(".st-key-attention_sheet").style.marginTop = "900px";
        })"""
    )
    assert asked == "instant"
