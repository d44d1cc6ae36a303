"""What several tests share, and the shape checks that all of them run under."""

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Every shape in a signature is checked at every call, so that a transposed mask fails.
# The hook works on modules that are imported after it: keep it first.
CHECKED = ["minigpt.model", "minigpt.generation", "minigpt.training"]
install_import_hook(CHECKED, "beartype.beartype")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shakespeare_path() -> Path:
    """Return Tiny Shakespeare's path, which lies beside some clones only."""
    path = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip("Tiny Shakespeare is not beside this clone")
    return path
