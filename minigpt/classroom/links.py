"""Secrets: in the link of the teacher, in that of the learners, in a browser's cookie.

A secret is 32 random bytes, so it cannot be guessed, and a plain hash of it is enough:
there is nothing to try out. Of a browser's cookie only the hash is kept, and of a link
what makes it together with a key that only the server's processes know. So whoever
reads the database gets in nowhere.
"""

import base64
import hmac
import secrets
from hashlib import sha256


def new_secret() -> str:
    """Return a secret of 43 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is kept of a secret.

    >>> digest("abc")[:12]
    'ba7816bf8f01'
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_secret_of(secret: str, kept: str) -> bool:
    """Whether a secret is the one that a digest was made from, in constant time."""
    return hmac.compare_digest(digest(secret), kept)


def derived(key: str, name: str) -> str:
    """Return the secret that a key gives a name: as long, and as hard to guess.

    Args:
        key: A secret.
        name: Anything.
    """
    mac = hmac.digest(key.encode(), name.encode(), "sha256")
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
