"""A link to exactly this view, for a class: page, model, step, prompt and place."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from pages.frame import covering, state
from pages.frame.controls import hiding, keyboard
from pages.frame.look import present


def show(page: str) -> None:
    """Show the button that makes a link.

    Args:
        page: The page's path in the URL; empty for Home.
    """
    with st.popover(
        "Share", type="tertiary", key="share_menu", on_change="rerun"
    ) as box:
        if box.open:
            _show_link(page)


def _show_link(page: str) -> None:
    with st.container(key="share"):
        st.caption("A link to this page with its model, step, prompt and selection.")
        hide = st.pills(
            "Hide from anyone who opens it",
            list(hiding.HIDEABLE),
            selection_mode="multi",
            default=list(hiding.hidden()),
            format_func=lambda name: hiding.HIDEABLE[name].label,
            key="_share_hide",
        )
        presenting = st.toggle(
            "Open in present mode", value=present.is_on(), key="_share_present"
        )
        address = link(page, hide, presenting)
        st.code(address, language=None, wrap_lines=True)
        if urlsplit(address).hostname in ("localhost", "127.0.0.1"):
            st.caption("This address works only on this computer.")


def link(page: str, hide: Sequence[str] = (), presenting: bool = False) -> str:
    """Return the URL that opens this view."""
    # To predict first, or to use the keys, is for whoever opens the link to say.
    ours = (*state.SHARED, "hide", "present", covering.SWITCH, keyboard.NAME)
    values = {key: v for key, v in st.query_params.items() if key not in ours}
    for key in state.SHARED:
        if (value := state.get(key)) is not None:
            values[key] = str(value)
    if hide:
        values["hide"] = ",".join(name for name in hiding.HIDEABLE if name in hide)
    if presenting:
        values["present"] = "1"
    return f"{_root()}{page}?{urlencode(values, safe=',', quote_via=quote)}"


def _root() -> str:
    """Return where the app answers, as this reader's browser calls it."""
    asked = urlsplit(st.context.url or "http://localhost:8501")
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{asked.scheme}://{asked.netloc}/{base}{'/' if base else ''}"
