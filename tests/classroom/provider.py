"""A small OpenID provider on this machine: discovery, authorization, tokens, keys.

What stands in its form is who logs in. It signs with RS256, by `joserfc`.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "minigpt", "of-the-client"
FORM = """<!doctype html><title>School</title><form>{hidden}
<label>Claims <input name="claims"></label><button>Sign in</button></form>"""


class Provider(ThreadingHTTPServer):
    """Keeps what it has promised by a code, until the code is redeemed."""

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        super().__init__(("127.0.0.1", 0), _Answers)
        self.key = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"})
        self.signs_with = self.key
        self.promised: dict[str, dict[str, str]] = {}
        self.ended = 0

    @property
    def url(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def id_token(self, asked: dict[str, str]) -> str:
        """Sign who has logged in."""
        from joserfc import jwt

        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"]} | json.loads(asked["claims"])
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signs_with)


class _Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(where.query).items()}
        answer = {
            "/.well-known/openid-configuration": self._describe,
            "/keys": self._show_keys,
            "/authorize": self._authorize,
            "/end": self._end,
        }.get(where.path)
        if answer is None:
            self.send_error(404)
        else:
            answer(asked)

    def do_POST(self) -> None:
        """Give an ID token for a code, once, to the client that asked for it."""
        length = int(self.headers["Content-Length"])
        body = parse_qs(self.rfile.read(length).decode())
        promised = self.server.promised.pop(body["code"][0])
        digest = hashlib.sha256(body["code_verifier"][0].encode()).digest()
        assert promised["code_challenge"] == _base64url(digest)
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        assert self.headers["Authorization"] == f"Basic {known}"
        token = {"access_token": "none", "token_type": "Bearer", "expires_in": 300}
        self._send(token | {"id_token": self.server.id_token(promised)})

    def _describe(self, _asked: dict[str, str]) -> None:
        url = self.server.url
        self._send(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/keys",
                "end_session_endpoint": f"{url}/end",
                "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _show_keys(self, _asked: dict[str, str]) -> None:
        self._send({"keys": [self.server.key.as_dict(private=False)]})

    def _authorize(self, asked: dict[str, str]) -> None:
        if "claims" not in asked:
            hidden = "".join(
                f'<input type="hidden" name="{name}" value="{value}">'
                for name, value in asked.items()
            )
            self._send(FORM.format(hidden=hidden))
            return
        code = secrets.token_urlsafe()
        self.server.promised[code] = asked
        self._lead(asked["redirect_uri"], {"code": code, "state": asked["state"]})

    def _end(self, asked: dict[str, str]) -> None:
        self.server.ended += 1
        self._lead(asked["post_logout_redirect_uri"], {})

    def _lead(self, where: str, told: dict[str, str]) -> None:
        self.send_response(302)
        self.send_header("Location", f"{where}?{urlencode(told)}")
        self.end_headers()

    def _send(self, content: object) -> None:
        is_page = isinstance(content, str)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.end_headers()
        self.wfile.write((content if is_page else json.dumps(content)).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextmanager
def running() -> Iterator[Provider]:
    """Answer until the block ends."""
    with Provider() as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        yield provider
        provider.shutdown()
