"""The keys that every page shares: the next token, layer or head, and the next step.

A page says what there is to move (`offer`) and what Space does (`on_next`); `app.py`
listens once a run.
"""

from collections.abc import Callable

import streamlit as st

from pages.frame import state
from pages.frame.place import linked, write
from viz.components.keyboard.view import keyboard

MOVES = {
    "ArrowLeft": ("token", -1),
    "ArrowRight": ("token", 1),
    "ArrowUp": ("layer", -1),
    "ArrowDown": ("layer", 1),
    "[": ("head", -1),
    "]": ("head", 1),
}
NAME = "keys"
"""Where the address says `off`."""
_OFF, _SWITCH = "_keys_off", "_listen_to_keys"
HELP = (
    ("← →", "the token before, the token after"),
    ("↑ ↓", "one layer up, one layer down"),
    ("[ ]", "the head before, the head after"),
    ("Space", "the next step, where a page has steps"),
    ("?", "this list"),
    ("Tab", "into a figure: arrow keys move, Enter locks, Esc clears"),
)


def offer(**sizes: int) -> None:
    """Say how many tokens, layers and heads there are to move among on this page."""
    st.session_state["_keys_of_this_run"]["sizes"] = sizes


def on_next(action: Callable[[], None]) -> None:
    """Say what Space does on this page. The action runs as a callback.

    Once for every press: it goes on from the session's state, not from what was drawn.
    """
    st.session_state["_keys_of_this_run"]["next"] = action


def begin() -> None:
    """Start collecting what the page offers. Called once a run, by `app.py`.

    Until the run is through, the keys do what the last whole run offered: a key that is
    pressed again before the page has answered is not lost.
    """
    st.session_state["_keys_of_this_run"] = {"sizes": {}}


def listen() -> None:
    """Listen for the page's keys. Called once a run, by `app.py`, after the page."""
    offered = st.session_state["_keys_of_this_run"]
    st.session_state["_keys"] = offered
    keys = {key for key, (name, _) in MOVES.items() if name in offered["sizes"]}
    if "next" in offered:
        keys.add(" ")
    is_off = linked(NAME, _OFF, lambda word: word == "off")
    write(NAME, "off" if is_off else None)
    wanted = set() if is_off else {*keys, "?"}
    with st.container(key="keyboard"):
        keyboard(wanted, key="_keyboard", on_press=_press)
    if st.session_state.pop("_show_keys", False):
        show_help()


@st.dialog("Keyboard", width="small", icon=":material/keyboard:", on_dismiss="rerun")
def show_help() -> None:
    """List the keys, and let them be turned off: speech input may press them."""
    rows = "\n".join(f"| `{keys}` | {words} |" for keys, words in HELP)
    st.markdown(f"| key | leads to |\n|---|---|\n{rows}")
    st.caption("While you type in a field, the keys write text.")
    st.toggle(
        "Listen to these keys",
        value=not st.session_state.get(_OFF),
        key=_SWITCH,
        on_change=_switch,
        help="When off, only Tab and the keys of the figure in focus work.",
    )


def _switch() -> None:
    st.session_state[_OFF] = not st.session_state[_SWITCH]


def _press(presses: dict[str, int]) -> None:
    """Do what the keys say, before the page runs again."""
    offered = st.session_state["_keys"]
    for key, count in presses.items():
        if key == "?":
            st.session_state["_show_keys"] = True
        elif key == " " and "next" in offered:
            for _ in range(count):
                offered["next"]()
        elif key in MOVES:
            name, step = MOVES[key]
            _move(name, step * count, offered["sizes"].get(name, 0))


def _move(name: str, step: int, size: int) -> None:
    """Move a shared place, and stay inside."""
    if size < 1:
        return
    # Nothing chosen yet: pages begin at the last token, and at the first head.
    here = state.get(name, size - 1 if name == "token" else 0)
    st.session_state[name] = max(0, min(size - 1, here + step))
    if name == "token":
        st.session_state["_read"] = None
    state.forget_unknown(name)
