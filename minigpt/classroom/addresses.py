"""The links of a class: to be read out, clicked, or scanned from a projector."""

import io
import ipaddress

import segno

from minigpt.classroom.opened import Opened
from minigpt.serve import hosts


def join_link(opened: Opened, root: str) -> str:
    """Return the learners' link.

    Args:
        opened: The class.
        root: Where the app answers, as in `http://192.168.0.5:8501`.
    """
    if opened.login is not None:
        return opened.login.root
    return f"{root}/join/{opened.room.join_secret}"


def teach_link(opened: Opened, root: str) -> str:
    """Return the teacher's link. Arguments: `join_link`."""
    return f"{root}/teach/{opened.room.teach_secret}"


def roots(opened: Opened) -> list[str]:
    """Return where learners may reach the app, the likeliest first.

    A name that was allowed has a proxy before it, with TLS. Of this machine's own, an
    address works without a name server, and a name is easier to type. Who logs in comes
    by the one address that the provider of the accounts knows.
    """
    if opened.login is not None:
        return [opened.login.root]
    addresses = sorted(filter(_is_local_network, hosts.own_addresses()))
    names = sorted(hosts.own_names(), key=len)
    own = [f"http://{host}:{opened.port}" for host in (*addresses, *names)]
    return [*(f"https://{name}" for name in opened.named), *own]


def picture(link: str) -> bytes:
    """Return a link as a QR code, a PNG that a phone reads from the last row."""
    out = io.BytesIO()
    segno.make(link, error="m").save(out, kind="png", scale=8, border=3)
    return out.getvalue()


def _is_local_network(address: str) -> bool:
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_link_local)
