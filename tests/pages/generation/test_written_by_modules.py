"""Generation and Beam search show what the modules compute, not the fast decoder."""

import pytest

from minigpt.generation.fast_decoding import Decoder

GENERATION = "pages/generation/generation.py"
BEAM_SEARCH = "pages/beam_search/beam_search.py"


@pytest.fixture(autouse=True)
def decoders(monkeypatch):
    """Return the list of fast decoders that a page uses, a decoder for each token."""
    used = []
    read = Decoder.read

    def read_and_note(self, *arguments) -> object:
        used.append(self)
        return read(self, *arguments)

    monkeypatch.setattr(Decoder, "read", read_and_note)
    return used


def look_at(app, view):
    return app.button_group(key="generation_view").set_value(view).run()


@pytest.mark.parametrize("strategy", ["greedy", "sampling", "beam"])
def test_a_text(open_page, decoders, strategy):
    app = open_page(GENERATION, prompt="the cat")
    app.button_group(key="strategy").set_value(strategy).run()
    app.number_input(key="generate.max_new_tokens").set_value(6).run()
    app.button(key="generate").click().run()
    assert not app.exception
    assert not decoders


@pytest.mark.parametrize(
    ("view", "button"),
    [("20 continuations", "grow"), ("all strategies", "write_all")],
)
def test_many_texts(open_page, decoders, view, button):
    app = look_at(open_page(GENERATION, prompt="the cat"), view)
    app.number_input(key="generate.max_new_tokens").set_value(4).run()
    app.button(key=button).click().run()
    assert not app.exception
    assert not decoders


def test_the_tree_of_a_beam_search(open_page, decoders):
    assert not open_page(BEAM_SEARCH, prompt="the cat").exception
    assert not decoders
