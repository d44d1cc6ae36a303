"""Large data for a view, sent apart from it: what changes often is small then."""

import json
from collections.abc import Mapping
from hashlib import blake2b

from viz.components.shared.mounting import register

_mount = register("delivery", "delivered")


def delivery(what: Mapping[str, object], *, key: str) -> str:
    """Send data to the browser, and return the name under which a view finds it there.

    Args:
        what: The data. As long as they are the same, they are sent once.
        key: The delivery's name on this page. It shows nothing.
    """
    content = json.dumps(what, sort_keys=True).encode()
    name = f"{key}-{blake2b(content, digest_size=12).hexdigest()}"
    _mount(key=key, data={"name": name, "what": what})
    return name
