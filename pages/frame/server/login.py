"""Logging in with an account: Streamlit's own routes do it, and keep who it was.

They lead to the provider that `[auth]` of `.streamlit/secrets.toml` names, verify what
it answers, and sign it into a cookie. This reads the cookie, for a gate that stands
before Streamlit.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from streamlit.auth_util import (
    encode_provider_token,
    get_cookie_with_chunks,
    get_secrets_auth_section,
    get_signing_secret,
    is_authlib_installed,
    validate_auth_credentials,
)
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from minigpt.errors import ConfigError

ROUTES = ("/auth/login", "/auth/logout", "/oauth2callback")
"""Streamlit's, open to whoever has not logged in yet."""
LOGOUT = "/auth/logout"
_PROVIDER = "default"
_SHORTEST_SECRET = 32


def root() -> str:
    """Return where browsers find the app, as the provider knows it.

    Raises:
        ConfigError: If logging in is not set up.
    """
    if not is_authlib_installed():
        raise ConfigError("Logging in needs Authlib: pip install authlib httpx.")
    try:
        validate_auth_credentials(_PROVIDER)
    except StreamlitAuthError as error:
        raise ConfigError(
            "--teachers is for a class that logs in, and [auth] of "
            f".streamlit/secrets.toml is not ready: {' '.join(str(error).split())}"
        ) from None
    if len(get_signing_secret()) < _SHORTEST_SECRET:
        raise ConfigError(
            f"cookie_secret, in [auth] of secrets.toml, is shorter than "
            f"{_SHORTEST_SECRET} characters: whoever guesses it is the teacher."
        )
    found = re.fullmatch(
        r"(https?://[a-z0-9.-]+(:\d+)?)/oauth2callback",
        str(get_secrets_auth_section()["redirect_uri"]),
    )
    if found is None:
        raise ConfigError(
            "redirect_uri, in [auth] of secrets.toml, is not the app's address with "
            "/oauth2callback behind it, as in http://localhost:8501/oauth2callback."
        )
    return found[1]


def address() -> str:
    """Return the address that leads to the provider; it is good for two minutes."""
    return f"/auth/login?provider={encode_provider_token(_PROVIDER)}"


def claims(cookies: Mapping[str, str], root: str) -> dict[str, Any]:
    """Return what the provider said of whoever has logged in; nothing of nobody.

    Args:
        cookies: The browser's, not trusted: what is not signed does not count.
        root: Where browsers find the app; what was signed for another does not count.
    """

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        if value is None:
            return None
        return decode_signed_value(get_signing_secret(), name, value)

    found = get_cookie_with_chunks(signed, USER_COOKIE_NAME)
    try:
        said = json.loads(found or b"{}")
    except ValueError:
        return {}
    is_ours = isinstance(said, dict) and said.get("origin") == root
    return said if is_ours and said.get("is_logged_in") is True else {}
