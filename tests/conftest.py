"""What several tests share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shakespeare_path() -> Path:
    """Return Tiny Shakespeare's path, which lies beside some clones only."""
    path = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip("Tiny Shakespeare is not beside this clone")
    return path
