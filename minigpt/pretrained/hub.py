"""Resolves a name to a directory: on this machine, in the cache, or from the hub.

Names are those of huggingface.co. A fetched model stays in the cache of
`huggingface_hub` and is then used without the network; give a revision to get a newer
version.
"""

import re
from contextlib import suppress
from pathlib import Path

from minigpt.errors import CheckpointError
from minigpt.regular_files import named_directory

# The original names of these repositories; the hub redirects them.
REPOSITORIES = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "distilgpt2": "distilbert/distilgpt2",
}
FILES = [
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*.safetensors",
    "adapter_config.json",
    "adapter_model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
]
"""The files to fetch: no pickles, no code."""
_NAME = re.compile(r"[\w-][\w.-]{0,95}(/[\w-][\w.-]{0,95})?")


def is_name(text: str) -> bool:
    """Whether a text could name a repository, rather than a place on this machine."""
    return _NAME.fullmatch(text) is not None


def find_directory(
    name_or_path: str | Path, revision: str | None = None, offline: bool = False
) -> Path:
    """Return the directory of a model, fetching it if necessary.

    Args:
        name_or_path: A directory; or a name such as `gpt2` or `owner/model`.
        revision: A branch, tag or commit of the repository (none: `main`).
        offline: Whether to use only files on this machine.

    Raises:
        CheckpointError: If it does not exist or cannot be fetched; with a remedy.
    """
    name = str(name_or_path)
    if (directory := named_directory(name)) is not None:
        return directory
    if not is_name(name):
        raise CheckpointError(
            f"There is no directory {name:.200}, and it is not the name of a "
            "repository, such as gpt2 or owner/model."
        )
    try:
        import huggingface_hub
    except ImportError:
        raise CheckpointError(
            f"There is no directory {name}. To fetch a model of that name, run: "
            "pip install huggingface-hub."
        ) from None
    repository = REPOSITORIES.get(name, name)

    def snapshot(on_this_machine: bool) -> Path:
        found = huggingface_hub.snapshot_download(
            repository,
            revision=revision,
            allow_patterns=FILES,
            local_files_only=on_this_machine,
        )
        return Path(found)

    with suppress(OSError, ValueError):
        return snapshot(on_this_machine=True)
    try:
        return snapshot(on_this_machine=offline)
    except Exception as error:  # from huggingface_hub, httpx, requests or xet
        raise _unavailable(repository, revision, error, offline) from None


def commit_of(directory: Path) -> str | None:
    """Return the commit of a directory in the cache; None for any other directory."""
    is_snapshot = directory.parent.name == "snapshots"
    return directory.name if is_snapshot else None


def _unavailable(
    repository: str, revision: str | None, error: Exception, offline: bool
) -> CheckpointError:
    """Explain why a model cannot be fetched, and what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    what = repository if revision is None else f"{repository} at {revision}"
    if isinstance(error, RevisionNotFoundError):
        return CheckpointError(f"{repository} has no revision {revision!r}.")
    if isinstance(error, RepositoryNotFoundError | GatedRepoError):
        return CheckpointError(
            f"huggingface.co has no model {what} that is public: check the "
            "name, or log in with `hf auth login` if it is private or gated."
        )
    reason = (
        "offline was asked for"
        if offline
        else f"it could not be fetched ({type(error).__name__})"
    )
    return CheckpointError(
        f"{what} is not complete in the cache, {constants.HF_HUB_CACHE}, and {reason}. "
        "Try again with a network; or copy that cache from a machine that has one "
        "(HF_HUB_CACHE says where it is); or give a directory with config.json, "
        "model.safetensors and tokenizer.json."
    )
