"""The Library's switch: a model is served, and stops."""

import json
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from streamlit import config

from minigpt.serve import needed, switch

PAGE = "pages/library/library.py"


@pytest.fixture
def shared():
    """Let the app listen to the network."""
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    yield
    config.set_option("server.address", before)


def button(app, key):
    assert not app.exception
    return next((b for b in app.button if b.key == key), None)


def test_a_model_is_served_from_its_card_and_stopped_above_the_shelf(open_page):
    pytest.importorskip("fastapi")
    pytest.importorskip("prometheus_client")
    app = open_page(PAGE)
    button(app, "serve_model").click().run()
    [server] = switch.running()
    try:
        assert server.name == "glass"
        assert server.address in [code.value for code in app.code]
        assert button(app, "serve_model").disabled
        with urlopen(f"{server.address}/models") as answer:
            assert json.load(answer)["data"][0]["id"] == "glass"
        button(app, "stop_serving_glass").click().run()
        assert server.process.poll() == 0
    finally:
        switch.stop("glass")
    with pytest.raises(URLError):
        urlopen(f"{server.address}/models")
    assert not button(app, "serve_model").disabled
    assert button(app, "stop_serving_glass") is None


def test_where_others_share_the_app_it_serves_nothing(open_page, shared):
    assert button(open_page(PAGE), "serve_model") is None


def test_without_its_packages_the_button_says_what_to_install(open_page, monkeypatch):
    monkeypatch.setitem(needed.NEEDED, "no_such_package", "no-such-package")
    offered = button(open_page(PAGE), "serve_model")
    assert offered.disabled
    assert "pip install no-such-package" in offered.help.replace("\\", "")
