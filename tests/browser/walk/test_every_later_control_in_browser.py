"""Every control of the second half of the pages, and of a model of one's own.

`clicking.Walk` finds the controls by itself: a new page, view or button is tested as it
comes. What a control should do, the tests of its own page say.
"""

import io

import navigation
import pytest

from minigpt.library.archives import pack
from minigpt.library.catalogue import find_model
from minigpt.library.incoming import take_upload

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.walk,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("own_tab"),  # a walk's scripts and ears stay in it
]

HALF = len(navigation.PAGES) // 2


@pytest.mark.parametrize("lesson", navigation.PAGES[HALF:], ids=lambda each: each.name)
def test_every_control_of_a_page_answers_a_click(lesson, page, server, witness):
    from .clicking import walk_on  # needs Playwright, which may not be installed

    walk = walk_on(page, server, lesson, witness)
    walk.page()
    assert len(walk.clicked) > 5
    assert not walk.problems, "\n".join(walk.problems)


def test_every_control_of_a_model_of_ones_own_answers_a_click(
    page, server, all_models, witness
):
    from .clicking import walk_on

    def bring():
        if not (all_models / "models/mine").is_dir():
            parcel = pack(find_model(all_models, "glass").path, "glass")
            take_upload(all_models, "mine", [("glass.zip", io.BytesIO(parcel))])

    library = next(each for each in navigation.PAGES if each.name == "library")
    walk = walk_on(
        page, server, library, witness, query={"model": "mine"}, before_load=bring
    )
    walk.page()
    assert "delete" in {control.place for control in walk.clicked}
    assert not walk.problems, "\n".join(walk.problems)
