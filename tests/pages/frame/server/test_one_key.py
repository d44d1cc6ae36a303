"""A session's state says the same of one key as of all of them."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from pages.frame.server import one_key

    one_key.look_up_one()
    st.session_state["own"] = [1, 2]
    st.number_input("Number", 0, 9, 4, key="number")
    st.text_input("Without a key", "a")
    safe = get_script_run_ctx().session_state
    found, listed = safe.filtered_state, safe._state.filtered_state
    assert isinstance(found, one_key.LookedUp)
    assert listed == {"own": [1, 2], "number": st.session_state["number"]}
    assert {key: found[key] for key in listed} == listed == dict(found)
    assert "nothing" not in found


def test_each_key_has_the_value_that_the_whole_state_lists():
    app = AppTest.from_function(page).run()
    app.number_input(key="number").set_value(7).run()
    assert not app.exception
    assert app.session_state["number"] == 7


def test_a_value_that_is_emptied_stays_empty():
    def emptied() -> None:
        import streamlit as st

        from pages.frame.server import one_key

        one_key.look_up_one()
        st.session_state["number"] = None
        st.text(str(st.number_input("Number", 0, 9, 4, key="number")))

    app = AppTest.from_function(emptied).run()
    assert app.text[0].value == "None"
