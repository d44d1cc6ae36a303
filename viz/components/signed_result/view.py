"""A signed result: who is given it, and its code, to copy and to download.

Where the page stands in a frame, the page around it gets the code, too: as of a lesson
file, whose script this is (`shared/result_code.js`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from viz.components.shared.mounting import register

_mount = register("signed_result", "result_code")


@dataclass(frozen=True)
class SignedResult:
    """A result, and the code that holds it."""

    code: str
    result: Mapping[str, Any]
    """JSON types; its `name` says whose it is."""


def signed_result(made: SignedResult | None, *, key: str) -> None:
    """Show a code and give it to the page around this one, once.

    Args:
        made: The result; None: say who would be given it.
        key: The view's name on this page.
    """
    _mount(data={} if made is None else asdict(made), key=key)
