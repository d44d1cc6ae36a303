"""Every control of every page does something when it is clicked, and breaks nothing.

`clicking.Walk` finds the controls by itself: a new page, view or button is tested as it
comes. What a control should do, the tests of its own page say.
"""

import io
import runpy

import navigation
import pytest
from streamlit_server import ROOT

from minigpt.library.archives import pack
from minigpt.library.catalogue import find_model
from minigpt.library.incoming import take_upload

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

WHERE = {"prompt": "the red kite"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data directory with all that a page may open, small and random."""
    data = tmp_path_factory.mktemp("clicks")
    for name in ("make_models", "make_chat_models"):
        runpy.run_path(str(ROOT / f"tests/pages/{name}.py"))[name](data)
    return data


@pytest.mark.parametrize("lesson", navigation.PAGES, ids=lambda each: each.name)
def test_every_control_of_a_page_answers_a_click(lesson, page, server, witness):
    walk = walk_on(page, server, lesson, witness)
    walk.page()
    assert len(walk.clicked) > 5
    assert not walk.problems, "\n".join(walk.problems)


def test_every_control_of_the_sidebar_answers_a_click(page, server, witness):
    walk = walk_on(page, server, navigation.HOME, witness, side="sidebar")
    walk.page()
    assert len(walk.clicked) > 5
    assert not walk.problems, "\n".join(walk.problems)


def test_every_control_of_a_model_of_ones_own_answers_a_click(
    page, server, data, witness
):
    def bring():
        if not (data / "models/mine").is_dir():
            parcel = pack(find_model(data, "glass").path, "glass")
            take_upload(data, "mine", [("glass.zip", io.BytesIO(parcel))])

    from clicking import Walk

    library = navigation.PAGES[-1]
    address = navigation.address(server.url, library, model="mine")
    walk = Walk(page, address, witness.errors, before_load=bring)
    walk.page()
    assert "delete" in {control.place for control in walk.clicked}
    assert not walk.problems, "\n".join(walk.problems)


def walk_on(page, server, lesson, witness, **options):
    from clicking import Walk  # needs Playwright, which may not be installed

    address = navigation.address(server.url, lesson, **WHERE)
    return Walk(page, address, witness.errors, **options)
