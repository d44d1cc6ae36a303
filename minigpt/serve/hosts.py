"""Which names this server answers to, so that no other name can lead a browser to it.

A page of `evil.example` cannot read what comes from `localhost`. But whoever owns the
name `evil.example` may let it point to 127.0.0.1 after the page is loaded (DNS
rebinding), and the browser then takes this server for a part of their site. What
remains different is the `Host` header: it says `evil.example`.
"""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import psutil

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""What this machine calls itself."""


def host_name(header: str) -> str | None:
    """Return the name in a `Host` header, without its port; None if it is malformed.

    >>> host_name("LocalHost:8501")
    'localhost'
    >>> host_name("[::1]:8501")
    '::1'
    >>> host_name("localhost:8501@evil.example") is None
    True

    Args:
        header: What the client sent.
    """
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # raises where it is no number, or too large a one
    except ValueError:
        return None
    if not parts.hostname or "@" in header or parts.netloc != header:
        return None
    return parts.hostname.rstrip(".")


def is_allowed(name: str, named: Sequence[str], *, share: bool) -> bool:
    """Whether this server answers to a name.

    Args:
        name: From `host_name`.
        named: The names that whoever started the server allows.
        share: Whether other machines may use it, by this machine's own addresses.
    """
    if name in LOOPBACK or name in named:
        return True
    # Asked anew each time: a laptop joins another network while the server runs.
    return share and (name in own_names() or name in own_addresses())


def own_names() -> set[str]:
    """Return what other machines of the network call this one."""
    short = socket.gethostname().lower()
    return {short, f"{short.partition('.')[0]}.local"}


def own_addresses() -> set[str]:
    """Return the addresses of this machine's network cards; nobody is asked."""
    return {
        address.address.partition("%")[0]
        for card in psutil.net_if_addrs().values()
        for address in card
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }


def is_foreign(origins: Sequence[str], mode: str, site: str, host: str) -> bool:
    """Whether a browser sends a request for a page of another site.

    A program that is no browser sends none of these headers, and is not foreign.

    Args:
        origins: Every `Origin` header.
        mode: `Sec-Fetch-Mode`: whoever navigates here has been led by a link.
        site: `Sec-Fetch-Site`.
        host: The `Host` header.
    """
    for origin in origins:
        try:
            if urlsplit(origin).netloc.lower() != host.lower():
                return True
        except ValueError:
            return True
    return mode != "navigate" and site == "cross-site"
