"""Secrets: in the link of the teacher, in that of the learners, in a browser's cookie.

A secret is 32 random bytes, so it cannot be guessed, and a plain hash of it is enough:
there is nothing to try out. Only hashes are kept, so whoever reads the database gets in
nowhere.
"""

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
