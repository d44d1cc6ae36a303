"""Objects under one address, by fsspec: read, written, removed.

Whatever goes wrong is one sentence, without a credential. Credentials and the server
are what the environment says (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL, …).
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from minigpt.errors import ConfigError, RunError

_BLOCK = 2**23
_OPTIONS = {
    "use_listings_cache": False,
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 30,
        "retries": {"max_attempts": 1},
    },
}
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
_REFUSED = ("NoCredentials", "PartialCredentials", "ProfileNotFound", "Permission")


class StorageError(RunError):
    """A bucket cannot be reached, refuses, or holds no run that can be read."""


class UnreachableError(StorageError):
    """A bucket does not answer, as far as anybody can tell: it may, later."""


class ChangedError(StorageError):
    """An object that was listed is there no more: the run has gone on."""


class Bucket:
    """The objects whose names begin with an address.

    Args:
        url: The address, see `place.require_url`.

    Raises:
        ConfigError: If the package that reaches it is not installed.
        StorageError: If the environment's settings cannot be used.
    """

    def __init__(self, url: str) -> None:
        import fsspec  # of torch's own needs; s3fs comes with it, or not

        self.url, self._is_folder = url, url.startswith("file:")
        try:
            with _in_one_sentence(url):
                options = {"auto_mkdir": True} if self._is_folder else _OPTIONS
                self._files, self._root = fsspec.url_to_fs(url, **options)
        except ImportError:
            raise ConfigError(
                f"{url} needs the package s3fs, which is not installed: run "
                "`pip install s3fs`."
            ) from None

    def read(self, name: str, most: int) -> bytes | None:
        """Return a small object; None if there is none of this name.

        Args:
            name: The object's.
            most: The largest size that is taken, in bytes.

        Raises:
            StorageError: If it cannot be read, or is larger.
        """
        with _in_one_sentence(self.url):
            try:
                size = self._files.size(self._path(name))
                if size > most:
                    raise StorageError(f"{self.url}/{name} is too large: refused.")
                if size == 0:
                    return b""
                return self._files.cat_file(self._path(name), start=0, end=most)
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Write a small object; readers find the old one or the new one.

        Raises:
            StorageError: If it cannot be written.
        """
        with _in_one_sentence(self.url):
            if not self._is_folder:
                self._files.pipe_file(self._path(name), data)
                return
            beside = f"{self._path(name)}.{secrets.token_hex(8)}"
            self._files.pipe_file(beside, data)
            self._files.mv(beside, self._path(name))

    def upload(self, name: str, source: BinaryIO, size: int) -> None:
        """Write the next bytes of an open file as an object.

        Args:
            name: The object's.
            source: Read from where it stands.
            size: How many bytes.

        Raises:
            StorageError: If it cannot be written.
            OSError: If the file has fewer.
        """
        if size <= _BLOCK:
            self.write(name, _exactly(source, size))
            return
        with (
            _in_one_sentence(self.url),
            self._files.open(self._path(name), "wb") as target,
        ):
            for start in range(0, size, _BLOCK):
                target.write(_exactly(source, min(_BLOCK, size - start)))

    def download(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the parts of an object of a known size, and not a byte more.

        Raises:
            ChangedError: If it is there no more.
            StorageError: If it cannot be read, or is of another size.
        """
        with _in_one_sentence(self.url):
            path = self._path(name)
            if not self._files.exists(path):
                raise ChangedError(f"{self.url} changes too quickly: look again.")
            if self._files.size(path) != size:
                raise StorageError(f"{self.url}/{name} is not of {size} bytes.")
            for start in range(0, size, _BLOCK):
                end = min(start + _BLOCK, size)
                yield self._files.cat_file(path, start=start, end=end)

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects, those that are there.

        Raises:
            StorageError: If the bucket does not allow it.
        """
        with _in_one_sentence(self.url):
            for name in names:
                try:
                    self._files.rm_file(self._path(name))
                except FileNotFoundError:
                    continue

    def names(self, folder: str) -> list[str]:
        """Return the last parts of the names of what lies in a folder.

        Raises:
            StorageError: If it cannot be listed.
        """
        with _in_one_sentence(self.url):
            try:
                found = self._files.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return []
        return [str(path).rpartition("/")[2] for path in found]

    def _path(self, name: str) -> str:
        if self._is_folder:
            self._require_folder()
        return f"{self._root}/{name}"

    def _require_folder(self) -> None:
        """Check that the folder around is there: a share may not be mounted."""
        folder = Path(self._root).parent
        try:
            folder.stat()
        except FileNotFoundError:
            raise StorageError(
                f"There is no folder {folder}: make it, or mount it."
            ) from None


def _exactly(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise OSError("A file has become shorter while it was uploaded.")
    return data


@contextmanager
def _in_one_sentence(url: str) -> Iterator[None]:
    """Turn whatever goes wrong on the way to a bucket into a StorageError."""
    try:
        yield
    except (RunError, ImportError, GeneratorExit):
        raise
    except Exception as error:  # of s3fs, botocore, aiohttp, asyncio and the system
        raise _in_words(url, error) from None


def _in_words(url: str, error: Any) -> StorageError:
    kind = type(error).__name__
    said = "".join(c if c.isprintable() else " " for c in str(error))
    said = " ".join(said.split())
    for name in _SECRETS:
        if secret := os.environ.get(name):
            said = said.replace(secret, "…")
    said = said[:200]
    if kind.startswith(_REFUSED):
        return StorageError(
            f"{url} refuses this machine ({said}): set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to those of somebody who may read "
            "and write there."
        )
    if isinstance(error, FileNotFoundError):
        return StorageError(
            f"There is no such bucket as that of {url}: make it, or name another."
        )
    return UnreachableError(
        f"{url} cannot be reached ({kind}: {said}): check the network and "
        "AWS_ENDPOINT_URL."
    )
