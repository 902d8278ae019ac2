"""Signing in at an OpenID Connect provider: authorization code with PKCE (Core 1.0, RFC 7636).

State, nonce and PKCE verifier are HMACs of one secret that only the browser keeps, in a cookie, until it
comes back. Any process can finish what another began, and nothing is stored.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from heimdex.errors import NotSignedIn, ProviderUnavailable
from heimdex.server.auth.cookies import derived
from heimdex.server.auth.options import OidcOptions

log = logging.getLogger(__name__)

CALLBACK = "/api/v1/sign-in/oidc/callback"
DISCOVERY = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# Only signatures by a key that the provider alone has: neither `none` nor an HMAC.
ALGORITHMS = frozenset("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split())
TIMEOUT_S = 10.0
KEPT_S = 3600.0  # what the provider tells of itself
NEW_KEYS_S = 60.0  # no more often it is asked for keys again because of one that we do not know
LEEWAY_S = 60  # between its clock and ours


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who a provider says it is. `claims` are those it vouches for."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What a provider told of itself, and when (by the monotonic clock)."""

    metadata: Mapping[str, Any]
    keys: KeySet
    at_s: float


class Provider:
    """One provider. Thread-safe; asked about itself once an hour."""

    def __init__(
        self, options: OidcOptions, public_url: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.options = options
        self._callback = public_url + CALLBACK
        self._clock = clock
        self._known: _Known | None = None
        self._guard = threading.Lock()

    def address(self, secret: str) -> str:
        """Where to send a browser that keeps this secret. Raises ProviderUnavailable."""
        known = self._ask()
        with self._client() as client:
            address, _ = client.create_authorization_url(
                known.metadata["authorization_endpoint"],
                state=derived(secret, "state"),
                nonce=derived(secret, "nonce"),
                code_verifier=derived(secret, "verifier"),
            )
        return str(address)

    def identity(self, secret: str, answer: Mapping[str, str]) -> Identity:
        """Who came back, by the parameters of the callback. Raises NotSignedIn, ProviderUnavailable."""
        known = self._ask()
        self._check_answer(secret, answer)
        with self._client(known) as client:
            token = self._redeem(client, known, secret, answer["code"])
            claims = self._checked(known, token, derived(secret, "nonce"))
            told = self._told(client, known, claims, token)
        return Identity(issuer=self.options.issuer, subject=claims["sub"], claims={**told, **claims})

    def _check_answer(self, secret: str, answer: Mapping[str, str]) -> None:
        state = answer.get("state", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(state, derived(secret, "state").encode()):
            raise _refused("its state is not that of this browser")
        if answer.get("iss", self.options.issuer) != self.options.issuer:  # RFC 9207
            raise _refused("it came from another issuer")
        if "error" in answer or not answer.get("code"):
            raise _refused("it says no")

    def _redeem(self, client: OAuth2Client, known: _Known, secret: str, code: str) -> dict[str, Any]:
        try:
            token = client.fetch_token(
                known.metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=derived(secret, "verifier"),
            )
        except AuthlibBaseError as err:
            raise _refused(f"it does not take the code ({err.error})") from err
        except (httpx2.HTTPError, ValueError) as err:
            raise _unavailable(self.options, err) from err
        if not isinstance(token.get("id_token"), str):
            raise _refused("it sent no id token")
        return dict(token)

    def _checked(self, known: _Known, token: Mapping[str, Any], nonce: str) -> CodeIDToken:
        """The claims of an id token that is right in all respects (OpenID Connect Core, 3.1.3.7)."""
        try:
            try:
                decoded = _decode(token["id_token"], known)
            except InvalidKeyIdError:
                decoded = _decode(token["id_token"], self._ask(because_of_a_key=True))
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.options.issuer},
                    "aud": {"essential": True, "value": self.options.client_id},
                    "sub": {"essential": True},
                    "nonce": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self.options.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as err:
            raise _refused(f"its id token is not right ({type(err).__name__}: {err})") from err
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise _refused("its id token names nobody")
        return claims

    def _told(
        self, client: OAuth2Client, known: _Known, claims: Mapping[str, Any], token: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What else it tells of them, where the id token lacks what the allow-list needs."""
        wanted = {"email"} if self.options.email_domains - {"*"} else set()
        wanted |= {self.options.claim[0]} if self.options.claim else set()
        endpoint = known.metadata.get("userinfo_endpoint")
        if wanted <= claims.keys() or not endpoint or not token.get("access_token"):
            return {}
        try:
            answer = client.get(endpoint, follow_redirects=False)
            answer.raise_for_status()
            told = answer.json()
        except (AuthlibBaseError, httpx2.HTTPError, ValueError) as err:
            raise _unavailable(self.options, err) from err
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise _refused("it tells of somebody else")
        return told

    def _client(self, known: _Known | None = None) -> OAuth2Client:
        ways = (known.metadata if known else {}).get("token_endpoint_auth_methods_supported")
        way = None
        if self.options.client_secret and ways and "client_secret_basic" not in ways:
            way = "client_secret_post"
        return OAuth2Client(
            client_id=self.options.client_id,
            client_secret=self.options.client_secret,
            token_endpoint_auth_method=way,
            scope=self.options.scopes,
            redirect_uri=self._callback,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            follow_redirects=False,
        )

    def _ask(self, *, because_of_a_key: bool = False) -> _Known:
        """What it tells of itself, at most an hour old, or a minute where a key is missing."""
        with self._guard:
            known, now_s = self._known, self._clock()
            kept_s = NEW_KEYS_S if because_of_a_key else KEPT_S
            if known is not None and now_s - known.at_s < kept_s:
                return known
            try:
                with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
                    metadata = _json(client, self.options.issuer.rstrip("/") + DISCOVERY)
                    self._check_metadata(metadata)
                    keys = KeySet.import_key_set(cast(Any, _json(client, metadata["jwks_uri"])))
            except (httpx2.HTTPError, JoseError, ValueError, TypeError, KeyError) as err:
                raise _unavailable(self.options, err) from err
            self._known = _Known(metadata=metadata, keys=keys, at_s=now_s)
            return self._known

    def _check_metadata(self, metadata: Mapping[str, Any]) -> None:
        if metadata.get("issuer") != self.options.issuer:
            raise ValueError("it calls itself by another name than HEIMDEX_OIDC_ISSUER")
        plain = self.options.issuer.startswith("http://")  # on this machine only, see `auth_options`
        for name in ENDPOINTS:
            if not str(metadata.get(name, "")).startswith(("https://", "http://") if plain else "https://"):
                raise ValueError(f"its {name} is missing, or no https")


def _json(client: httpx2.Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return found


def _decode(id_token: str, known: _Known) -> jwt.Token:
    told = known.metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    registry = JWSRegistry(algorithms=sorted(ALGORITHMS & set(told)) or ["RS256"], strict_check_header=False)
    return jwt.decode(id_token, known.keys, registry=registry)


def _refused(reason: str) -> NotSignedIn:
    log.warning("sign-in at the provider refused: %s", reason)
    return NotSignedIn("Signing in at the provider did not work; begin again. The server's log says why.")


def _unavailable(options: OidcOptions, error: Exception) -> ProviderUnavailable:
    log.warning("the provider %s does not answer: %s: %s", options.issuer, type(error).__name__, error)
    return ProviderUnavailable(f"{options.label} does not answer as it should; try again later.")
