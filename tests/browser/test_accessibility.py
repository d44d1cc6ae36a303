"""Every page in light and dark, looked at by axe-core: nothing serious or critical.

axe-core (MPL 2.0) is no part of this project: `.ci/run` fetches it with npm, and where
it is not there the tests are skipped.
"""

import navigation
import pytest
from streamlit_server import ROOT

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

AXE = ROOT / ".cache/axe-core/axe.min.js"
RUN = """async rules => {
    const runOnly = rules ? { type: "rule", values: rules } : undefined;
    const { violations } = await axe.run(
        document, { resultTypes: ["violations"], ...(runOnly && { runOnly }) });
    return violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
}"""
STREAMLITS = {"list", "listitem"}
"""Its navigation puts sections between the list and its items; not ours to mend."""


def violations(page, rules: list[str] | None = None) -> list[str]:
    return [
        f"{found['id']}: {node['target']} {node['html'][:120]}"
        for found in page.evaluate(RUN, rules)
        for node in found["nodes"]
        if not (found["id"] in STREAMLITS and "stSidebarNav" in outside(page, node))
    ]


def outside(page, node) -> str:
    """Return the test ids around a node, as Streamlit names its parts."""
    return page.evaluate(
        """target => {
            const ids = [];
            const found = document.querySelector(target);
            for (let at = found; at; at = at.parentElement)
                if (at.dataset.testid) ids.push(at.dataset.testid);
            return ids.join(" ");
        }""",
        node["target"][0] if isinstance(node["target"][0], str) else "body",
    )


@pytest.fixture
def reader(page):
    if not AXE.is_file():
        pytest.skip(f"axe-core is not at {AXE.relative_to(ROOT)}; .ci/run fetches it")
    return page


def test_no_page_has_a_serious_violation(reader, server):
    """One session visits all pages; in the dark only colours are others."""
    found = {}
    navigation.visit(reader, server.url, navigation.HOME, prompt="the red kite")
    reader.evaluate(AXE.read_text(encoding="utf-8"))  # the policy forbids a tag
    for lesson in navigation.PAGES:
        navigation.follow(reader, lesson)
        for scheme, rules in (("light", None), ("dark", ["color-contrast"])):
            reader.emulate_media(color_scheme=scheme)
            navigation.stand_still(reader)
            found[lesson.name, scheme] = violations(reader, rules)
    assert {name: told for name, told in found.items() if told} == {}


def test_no_stop_of_homes_tour_has_a_serious_violation(reader, server):
    """The card is the same at every stop: each is looked at in one theme, in turn."""
    navigation.visit(reader, server.url, navigation.HOME, prompt="the red kite")
    reader.locator(".st-key-take_tour button").click()
    count = reader.locator(".tour .count")
    count.wait_for()
    reader.evaluate(AXE.read_text(encoding="utf-8"))  # the policy forbids a tag
    found = {}
    stops = int(count.inner_text().rpartition(" ")[2])
    for number in range(1, stops + 1):
        count.get_by_text(f"{number} of {stops}", exact=True).wait_for()
        reader.emulate_media(color_scheme=("light", "dark")[number % 2])
        navigation.settle(reader)
        found[number] = violations(reader)
        reader.keyboard.press("PageDown")
    assert {number: told for number, told in found.items() if told} == {}
