"""A tour in the session: how it starts, what it sets, when it is over.

What its keys and buttons do is in tests/browser/tours/test_tour_in_browser.py.
"""

from streamlit.testing.v1 import AppTest

ATTENTION = "pages/attention/attention.py"


def under_way(app) -> bool:
    return "_tour" in app.session_state


def test_the_button_starts_the_tour_at_its_first_stop(open_page, view):
    app = open_page(ATTENTION, prompt="the red kite")
    app.button(key="take_tour").click().run()
    shown = view(app, "tour")
    assert shown["at"] == 0
    assert 6 <= len(shown["stops"]) <= 10
    assert "take_tour" not in [button.key for button in app.button]
    assert not app.exception


def test_a_link_can_start_it_and_leaves_the_address_as_it_was(open_page, view):
    app = open_page(prompt="the red kite")
    app.query_params["tour"] = "1"
    app.switch_page(ATTENTION).run()
    assert view(app, "tour")["at"] == 0
    assert "tour" not in app.query_params


def test_leaving_the_page_ends_it(open_page):
    app = open_page(ATTENTION, prompt="the red kite")
    app.button(key="take_tour").click().run()
    app.switch_page("pages/head_explorer/head_explorer.py").run()
    assert not under_way(app)
    assert not app.exception


def test_what_a_stop_set_goes_back_when_the_page_is_left(open_page):
    app = open_page(ATTENTION, prompt="the red kite", token="4")
    app.button(key="take_tour").click().run()
    app.session_state["_tour"].at = 4  # as after four presses, before the page answers
    app.session_state["token"] = app.session_state["_tour"].wanted()["token"]
    app.run()
    assert app.number_input(key="token").value == 2
    app.switch_page("pages/head_explorer/head_explorer.py").run()
    assert app.number_input(key="token").value == 4


def test_what_the_reader_moved_meanwhile_stays(open_page):
    app = open_page(ATTENTION, prompt="the red kite", token="4")
    app.button(key="take_tour").click().run()
    app.number_input(key="token").set_value(7).run()
    app.switch_page("pages/head_explorer/head_explorer.py").run()
    assert app.number_input(key="token").value == 7


def test_another_prompt_ends_it_for_its_words_are_no_longer_true(open_page):
    app = open_page(ATTENTION, prompt="the red kite")
    app.button(key="take_tour").click().run()
    assert under_way(app)
    app.text_input(key="prompt").set_value("a cat").run()
    assert not under_way(app)
    assert not app.exception


def test_where_there_is_nothing_to_show_no_tour_is_offered(open_page):
    app = open_page(ATTENTION, model="mlp")
    assert "take_tour" not in [button.key for button in app.button]


def views(app) -> set[str]:
    return {node.proto.component_name for node in app.get("bidi_component")}


def test_it_uncovers_the_figure_and_counts_as_being_shown(open_page, monkeypatch):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    app = open_page(ATTENTION, prompt="the red kite")
    assert "minigpt.attention_steps" not in views(app)
    app.button(key="take_tour").click().run()
    assert "minigpt.attention_steps" in views(app)
    given = app.session_state["_progress"].lessons["attention"]
    (kind,) = (name for name in given if name.startswith("attention.s") and given[name])
    assert given[kind][0].said is None
    assert given[kind][0].is_prediction
    app.switch_page("pages/block/block.py").run()
    app.switch_page(ATTENTION).run()
    assert "minigpt.attention_steps" in views(app)
    assert not app.exception


def test_settings_that_were_covered_at_its_start_go_back(open_page, monkeypatch):
    monkeypatch.setenv("MINIGPT_COVER", "on")
    hot = {"prompt": "the red kite", "generate.temperature": "1.3"}
    app = open_page("pages/generation/generation.py", **hot)
    assert "generate.temperature" not in [each.key for each in app.number_input]
    app.button(key="take_tour").click().run()
    assert app.number_input(key="generate.temperature").value == 1.0
    app.switch_page(ATTENTION).run()
    assert not under_way(app)
    app.switch_page("pages/generation/generation.py").run()
    assert app.number_input(key="generate.temperature").value == 1.3
    assert app.number_input(key="generate.top_k").value == 50


def test_what_nobody_had_set_leaves_the_address_with_the_tour(root_on_path):
    def script():
        import streamlit as st

        from pages.frame.controls import tour

        if "_page" not in st.session_state:
            st.session_state["_page"] = "here"
            tour._start(lambda: [tour.Stop("text", "Look.", {"_piece": 3})])
            tour.begin()
            st.query_params["_piece"] = "3"
        else:
            tour._close(keep=False)

    app = AppTest.from_function(script, default_timeout=120).run()
    assert app.session_state["_piece"] == 3
    app.run()
    assert "_piece" not in app.session_state
    assert "_piece" not in app.query_params
