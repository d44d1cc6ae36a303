"""Whether the app is this machine's alone: then pages offer files by their paths."""

import ipaddress

import streamlit as st

from minigpt.serve.hosts import LOOPBACK


def is_local() -> bool:
    """Whether only the person at this machine can reach the app.

    So it is unless the server listens to the network, or answers to a name of it.
    """
    named = st.get_option("server.allowedHosts") or ["*"]
    return _is_loopback(st.get_option("server.address")) and set(named) <= {*LOOPBACK}


def _is_loopback(address: str | None) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
