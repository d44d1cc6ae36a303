"""Every control of every page does something when it is clicked, and breaks nothing."""

import navigation
import pytest

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("lesson", navigation.PAGES, ids=lambda each: each.name)
def test_every_control_answers_a_click(lesson, page, server, witness):
    from clicking import Walk

    name = "" if lesson == navigation.HOME else lesson.name
    walk = Walk(page, f"{server.url}/{name}", "?prompt=the+red+kite", witness.errors)
    import time
    t=time.time()
    walk.page()
    print(lesson.name, dict(walk.clicked), sum(walk.clicked.values()), round(time.time()-t))
    print(*sorted(walk._families),sep="\n")
    assert not walk.problems, "\n".join(walk.problems)
