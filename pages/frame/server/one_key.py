"""One value of a session's state, looked up without working out all the others.

Several of Streamlit's widgets (number, text, choice, radio) copy the whole state before
they look for their own key in it: with a hundred keys, a millisecond each time, and a
tenth of what a page with a dozen widgets takes. Here the copy is made only for whoever
lists it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from streamlit.runtime.state.safe_session_state import SafeSessionState


class LookedUp(Mapping[str, Any]):
    """A session's state by the keys of its app: what Streamlit calls filtered."""

    def __init__(self, state: SafeSessionState) -> None:
        """Look into this state."""
        self._safe = state

    def __getitem__(self, key: str) -> Any:
        """Return one value, as a widget or the app has set it.

        Raises:
            KeyError: If there is none.
        """
        with self._safe._lock:
            return self._safe._state[key]

    def __iter__(self) -> Iterator[str]:
        """List all keys of the app."""
        return iter(self._listed())

    def __len__(self) -> int:
        """Count them."""
        return len(self._listed())

    def __repr__(self) -> str:
        """Show all."""
        return repr(self._listed())

    def _listed(self) -> dict[str, Any]:
        with self._safe._lock:
            return self._safe._state.filtered_state


def look_up_one() -> None:
    """Let widgets find their own key at once. Called by `app.py`."""
    SafeSessionState.filtered_state = property(LookedUp)  # type: ignore[assignment]
