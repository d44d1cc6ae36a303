"""The browser's history: one entry for each page, whatever is chosen on it.

Streamlit adds an entry for every parameter that a page writes into its address, so that
a page opened with four shared values had to be left with five steps back.
"""

from viz.components.shared.mounting import register

_mount = register("page_history")


def page_history(*, key: str) -> None:
    """Keep one entry for each page from here on, until the tab is closed.

    Args:
        key: The view's name on this page. It shows nothing.
    """
    _mount(key=key)
