"""What only the person at the machine is offered: files of it, by their paths."""

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from minigpt.serve import hosts
from pages.frame.server.local import is_local


@pytest.fixture
def listen():
    """Return a function that sets where the server listens and which names it has."""
    options = ("server.address", "server.allowedHosts")
    before = {option: config.get_option(option) for option in options}
    yield lambda *values: [
        config.set_option(option, value)
        for option, value in zip(options, values, strict=True)
    ]
    for option, value in before.items():
        config.set_option(option, value)


LOOPBACK = list(hosts.LOOPBACK)


@pytest.mark.parametrize(
    ("address", "names", "local"),
    [
        ("127.0.0.1", LOOPBACK, True),
        ("localhost", ["localhost"], True),
        ("::1", LOOPBACK, True),
        ("127.0.0.2", LOOPBACK, True),
        ("0.0.0.0", LOOPBACK, False),
        ("::", LOOPBACK, False),
        (None, LOOPBACK, False),  # Streamlit then listens everywhere
        ("192.168.0.5", LOOPBACK, False),
        ("127.0.0.1", [*LOOPBACK, "school.example"], False),  # behind a proxy
        ("127.0.0.1", ["*"], False),
        ("127.0.0.1", [], False),  # any name
        ("unix:///tmp/minigpt.sock", LOOPBACK, False),
    ],
)
def test_the_app_is_local_only_if_nobody_else_can_reach_it(
    listen, address, names, local
):
    listen(address, names)
    assert is_local() == local


def test_the_project_s_own_settings_are_local():
    assert is_local()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_path_may_be_given_at_this_machine_only(
    root_on_path, listen, address, monkeypatch, tmp_path
):
    listen(address, LOOPBACK)
    local = address == "127.0.0.1"
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    app = AppTest.from_function(both_fields, default_timeout=60).run()
    assert not app.exception
    (sources,) = app.button_group
    assert ("path" in sources.options) == local
    fields = {field.key: field for field in app.text_input}
    fields["bring_source"].input(str(tmp_path))
    app.button(key="bring_it").click().run()
    said = " ".join(text.value for text in app.text)
    assert ("is not the name of a model on huggingface.co" in said) != local, said


def both_fields():
    """Show what takes a path, without the pages around it."""
    from pages.library import bring
    from pages.training import text_choice

    text_choice.choose_text()
    bring.show("Models", is_empty=True)
