"""What signing in is told, out of the settings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from heimdex.config import Settings
from heimdex.errors import SettingsError

HOUR_S = 3600.0
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class OidcOptions:
    """A provider of OpenID Connect, and whom of those it knows we let in."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    label: str = "OpenID Connect"
    scopes: str = "openid email profile"
    email_domains: frozenset[str] = frozenset()  # "*": everybody
    claim: tuple[str, str] | None = None  # its name and the value it must have, or hold
    library: str | None = None  # the owner new users share; None: each their own


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthOptions:
    """How people and programs come in. `owner` is the library of whoever need not sign in."""

    owner: str
    may_be_single: bool = True  # without users nobody signs in, on this machine
    session_idle_s: float = 168 * HOUR_S
    session_s: float = 720 * HOUR_S
    requests_per_minute: int = 1200  # 0: no limit
    public_url: str | None = None  # scheme and host, nothing after them
    trusted_proxies: tuple[Network, ...] = ()
    oidc: OidcOptions | None = None


def auth_options(settings: Settings, *, bind_host: str = "127.0.0.1") -> AuthOptions:
    """The options of a server that listens on `bind_host`. Raises SettingsError.

    Nobody goes without signing in where the server listens on more than loopback, or where a setting tells of
    a reverse proxy: a request from next door would look like one of this machine.
    """
    public_url = _public_url(settings.public_url)
    proxies = _networks(settings.trusted_proxies)
    return AuthOptions(
        owner=settings.owner,
        may_be_single=(
            settings.sign_in == "auto" and is_loopback(bind_host) and public_url is None and not proxies
        ),
        session_idle_s=settings.session_idle_h * HOUR_S,
        session_s=settings.session_h * HOUR_S,
        requests_per_minute=settings.requests_per_minute,
        public_url=public_url,
        trusted_proxies=proxies,
        oidc=_oidc(settings, public_url),
    )


def is_loopback(host: str) -> bool:
    """Whether a name or an address can only mean this machine."""
    if host.lower().rstrip(".") in LOOPBACK_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _public_url(given: str | None) -> str | None:
    if not given:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise SettingsError(
            f"HEIMDEX_PUBLIC_URL is {given!r}: an address such as https://heimdex.example is wanted, with "
            "nothing after the host."
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def _networks(given: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in _parts(given))
    except ValueError as err:
        raise SettingsError(
            f"HEIMDEX_TRUSTED_PROXIES: {err}; addresses or networks such as 10.0.0.0/8 are wanted."
        ) from err


def _oidc(settings: Settings, public_url: str | None) -> OidcOptions | None:
    if settings.oidc_issuer is None:
        return None
    issuer = urlsplit(settings.oidc_issuer)
    if issuer.scheme != "https" and not is_loopback(issuer.hostname or ""):
        raise SettingsError("HEIMDEX_OIDC_ISSUER must begin with https://.")
    if not settings.oidc_client_id:
        raise SettingsError("HEIMDEX_OIDC_ISSUER needs HEIMDEX_OIDC_CLIENT_ID beside it.")
    if public_url is None:
        raise SettingsError(
            "HEIMDEX_OIDC_ISSUER needs HEIMDEX_PUBLIC_URL, the address the provider sends people back to."
        )
    domains = frozenset(domain.lower().lstrip("@") for domain in _parts(settings.oidc_email_domains))
    name, _, value = settings.oidc_claim.partition("=")
    if settings.oidc_claim and not (name.strip() and value.strip()):
        raise SettingsError("HEIMDEX_OIDC_CLAIM looks like groups=film.")
    if not domains and not settings.oidc_claim:
        raise SettingsError(
            "HEIMDEX_OIDC_ISSUER lets nobody in by itself: name who may come with "
            "HEIMDEX_OIDC_EMAIL_DOMAINS or HEIMDEX_OIDC_CLAIM."
        )
    secret = settings.oidc_client_secret
    return OidcOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
        label=settings.oidc_label,
        scopes=settings.oidc_scopes,
        email_domains=domains,
        claim=(name.strip(), value.strip()) if settings.oidc_claim else None,
        library=settings.owner if settings.oidc_library == "shared" else None,
    )


def _parts(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]
