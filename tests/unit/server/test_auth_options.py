"""What the settings mean for who may come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heimdex.config import Settings
from heimdex.errors import SettingsError
from heimdex.server.auth.options import auth_options, is_loopback

OIDC = {
    "oidc_issuer": "https://id.example",
    "oidc_client_id": "heimdex",
    "oidc_email_domains": "Film.example, @other.example",
    "public_url": "https://heimdex.example/",
}


def settings(**given: Any) -> Settings:
    return Settings(home=Path("/nowhere"), **given)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "::1", "[::1]", "::ffff:127.0.0.1"]
)
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    "0.0.0.0 :: 192.0.2.1 127.0.0.1.evil.example localhost.evil.example ::ffff:192.0.2.1 2130706433 "
    "0x7f000001 127.1 evil.example".split(),
)
def test_names_of_others(host: str) -> None:
    assert not is_loopback(host)
    assert not is_loopback("")


def test_nobody_goes_without_signing_in_where_others_can_reach_the_server() -> None:
    assert auth_options(settings()).may_be_single
    assert not auth_options(settings(), bind_host="0.0.0.0").may_be_single
    assert not auth_options(settings(sign_in="always")).may_be_single
    assert not auth_options(settings(public_url="https://heimdex.example")).may_be_single
    assert not auth_options(settings(trusted_proxies="127.0.0.1")).may_be_single


def test_the_provider_and_who_may_come_from_there() -> None:
    oidc = auth_options(settings(**OIDC, oidc_claim="groups = film", oidc_client_secret="hidden")).oidc
    assert oidc is not None
    assert oidc.email_domains == {"film.example", "other.example"}
    assert oidc.claim == ("groups", "film")
    assert oidc.client_secret == "hidden"
    assert oidc.library is None
    shared = auth_options(settings(**OIDC, oidc_library="shared"))
    assert shared.oidc is not None
    assert shared.oidc.library == shared.owner
    assert shared.public_url == "https://heimdex.example"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID"),
        ({"public_url": None}, "PUBLIC_URL"),
        ({"oidc_email_domains": ""}, "OIDC_EMAIL_DOMAINS"),
        ({"oidc_issuer": "http://id.example"}, "https"),
        ({"oidc_claim": "groups"}, "OIDC_CLAIM"),
        ({"public_url": "heimdex.example"}, "PUBLIC_URL"),
        ({"public_url": "https://heimdex.example/path"}, "PUBLIC_URL"),
        ({"trusted_proxies": "my-proxy"}, "TRUSTED_PROXIES"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        auth_options(settings(**(OIDC | changes)))
