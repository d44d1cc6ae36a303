"""Large data for a view, sent apart from it: what changes often is small then."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from viz.components.shared.mounting import register

_mount = register("delivery", "delivered")


@dataclass(frozen=True)
class Parcel:
    """Data to be sent, and what tells them from others, made once for many runs."""

    what: Mapping[str, object]
    digest: str

    @classmethod
    def of(cls, what: Mapping[str, object]) -> "Parcel":
        """Pack data."""
        content = json.dumps(what, sort_keys=True).encode()
        return cls(what, blake2b(content, digest_size=12).hexdigest())


def delivery(parcel: Parcel, *, key: str) -> str:
    """Send data to the browser, and return the name under which a view finds it there.

    Args:
        parcel: The data. As long as they are the same, they are sent once.
        key: The delivery's name on this page. It shows nothing.
    """
    name = f"{key}-{parcel.digest}"
    _mount(key=key, data={"name": name, "what": parcel.what})
    return name
