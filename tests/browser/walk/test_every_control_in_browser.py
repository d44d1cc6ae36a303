"""Every control of every page does something when it is clicked, and breaks nothing.

`clicking.Walk` finds the controls by itself: a new page, view or button is tested as it
comes. What a control should do, the tests of its own page say. The second
half of the pages is in a file of its own, for another worker.
"""

import navigation
import pytest

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.walk,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("own_tab"),  # a walk's scripts and ears stay in it
]

HALF = len(navigation.PAGES) // 2


@pytest.mark.parametrize("lesson", navigation.PAGES[:HALF], ids=lambda each: each.name)
def test_every_control_of_a_page_answers_a_click(lesson, page, server, witness):
    from .clicking import walk_on  # needs Playwright, which may not be installed

    walk = walk_on(page, server, lesson, witness)
    walk.page()
    assert len(walk.clicked) > 5
    assert not walk.problems, "\n".join(walk.problems)


def test_every_control_of_the_sidebar_answers_a_click(page, server, witness):
    from .clicking import walk_on

    walk = walk_on(page, server, navigation.HOME, witness, side="sidebar")
    walk.page()
    assert len(walk.clicked) > 5
    assert not walk.problems, "\n".join(walk.problems)
