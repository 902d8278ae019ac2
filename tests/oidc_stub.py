"""An OpenID Connect provider on this machine that signs real tokens, and does wrong what a test asks for.

Its pages need nobody: who opens the authorization endpoint is the person in `claims`, and comes back with a
code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "heimdex-client", "the provider's client secret"

Change = Callable[[dict[str, Any]], None]


@cache
def signing_key(kid: str) -> RSAKey:
    """A key of that id; making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": kid})


@dataclass(kw_only=True)
class OidcStub:
    """What it knows, what it was asked, and how it goes wrong."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: signing_key("one"))
    shown: list[RSAKey] = field(default_factory=list)  # in its key set; empty: the key it signs with
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "carol"})
    userinfo: dict[str, Any] | None = None  # None: it has no such endpoint
    metadata: dict[str, Any] = field(default_factory=dict)  # in place of the right ones
    change: Change = lambda claims: None  # makes the claims of an id token wrong
    sign: Callable[[OidcStub, dict[str, Any]], str] = lambda stub, claims: jwt.encode(
        {"alg": "RS256", "kid": "one"}, claims, stub.key
    )
    status: int = 200  # of everything
    asked: list[str] = field(default_factory=list)  # paths
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # what each was asked for with
    tokens: list[str] = field(default_factory=list)

    def authorize(self, address: str) -> dict[str, str]:
        """What a person does there: the parameters they come back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_hex(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint's answer: a code is taken once, with its verifier, from our client."""
        asked = self.codes.pop(given.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if (
            asked is None
            or authorization != expected
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != given.get("redirect_uri")
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.claims
        self.change(claims)
        id_token = self.sign(self, claims)
        self.tokens.append(id_token)
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": id_token}

    def answer(self, path: str) -> dict[str, Any] | None:
        """What a GET of a path gives."""
        if path == "/.well-known/openid-configuration":
            found = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            }
            if self.userinfo is not None:
                found["userinfo_endpoint"] = f"{self.url}/userinfo"
            return found | self.metadata
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.shown or [self.key]]}
        return self.userinfo if path == "/userinfo" else None


class _Handler(BaseHTTPRequestHandler):
    stub: OidcStub

    def do_GET(self) -> None:
        self.stub.asked.append(self.path)
        found = self.stub.answer(self.path)
        self._reply(self.stub.status if found is not None else 404, found or {})

    def do_POST(self) -> None:
        self.stub.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        status, found = self.stub.token(given, self.headers.get("Authorization", ""))
        self._reply(status if self.stub.status == 200 else self.stub.status, found)

    def _reply(self, status: int, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def oidc_stub() -> Iterator[OidcStub]:
    """A running provider; its `url` is its issuer."""
    stub = OidcStub()
    handler = type("Handler", (_Handler,), {"stub": stub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        stub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
