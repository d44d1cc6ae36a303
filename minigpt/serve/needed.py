"""Packages that only the server needs; whoever does not serve can do without."""

from importlib.util import find_spec

from minigpt.errors import ConfigError

NEEDED = {"fastapi": "fastapi", "prometheus_client": "prometheus-client"}
"""What is imported, and what pip calls it."""


def require_packages() -> None:
    """Check that they are there.

    Raises:
        ConfigError: If one is missing; it says what to install.
    """
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"Serving takes more packages: pip install {' '.join(missing)}"
        )
