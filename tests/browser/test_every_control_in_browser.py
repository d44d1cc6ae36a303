"""Every control of every page does something when it is clicked, and breaks nothing."""

import runpy

import navigation
import pytest
from streamlit_server import ROOT

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data directory with all that a page may open, small and random."""
    data = tmp_path_factory.mktemp("clicks")
    for name in ("make_models", "make_chat_models"):
        runpy.run_path(str(ROOT / f"tests/pages/{name}.py"))[name](data)
    return data


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
