"""What may be fetched: places, spellings of addresses, networks."""

from __future__ import annotations

import ipaddress

import pytest

from heimdex.errors import AddressRefused, SettingsError
from heimdex.pipeline.incoming.addresses import (
    FetchPolicy,
    check_url,
    is_allowed,
    networks,
    places,
    resolve,
)

ANY = ", ".join(
    [
        "media.example.org",
        "*.example.net",
        "https://example.com/films/",
        "http://plain.example.org",
        "example.org:8443",
        # even so: numbers are looked at closely
        *("127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"),
        *("169.254.169.254", "[fe80::1]", "8.8.8.8", "10.1.2.3", "localhost"),
    ]
)
POLICY = FetchPolicy(places=places(ANY))


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example.org/a.mp4?x=1",
        "https://MEDIA.example.org./a.mp4",
        "https://a.b.example.net/a.mp4",
        "https://example.net/a.mp4",
        "https://example.com/films/a.mp4",
        "https://example.org:8443/a.mp4",
        "https://8.8.8.8/a.mp4",
    ],
)
def test_places_of_the_list_may_be_asked(url: str) -> None:
    assert check_url(url, POLICY).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example.org/a.mp4",
        "ftp://media.example.org/a.mp4",
        "file:///etc/passwd",
        "gopher://media.example.org/",
        "//media.example.org/a.mp4",
        "media.example.org/a.mp4",
        "https://other.example.org/a.mp4",
        "https://media.example.org.evil.test/a.mp4",
        "https://evilexample.net/a.mp4",
        "https://media.example.org:8080/a.mp4",
        "https://media.example.org:0/a.mp4",
        "https://user:secret@media.example.org/a.mp4",
        "https://media.example.org@evil.test/a.mp4",
        "https://evil.test#@media.example.org/a.mp4",
        "https://evil.test\\@media.example.org/a.mp4",
        "https://media.example.org\\@evil.test/a.mp4",
        "https://media.example.org/a b.mp4",
        "https://media.example.org/a\r\nHost: evil.test",
        "https://m\u00e9dia.example.org/a.mp4",
        "https://media\u3002example.org/a.mp4",
        "https://example.com/films",
        "https://example.com/films/../secret.mp4",
        "https://example.com/films/%2e%2e/secret.mp4",
        "https://example.com/films/..%2fsecret.mp4",
        "https://example.com/filmsecret.mp4",
        "https://127.0.0.1/a.mp4",
        "https://2130706433/a.mp4",
        "https://0177.0.0.1/a.mp4",
        "https://0x7f.1/a.mp4",
        "https://127.1/a.mp4",
        "https://0.0.0.0/a.mp4",
        "https://[::1]/a.mp4",
        "https://[::ffff:127.0.0.1]/a.mp4",
        "https://[fe80::1]/a.mp4",
        "https://[fe80::1%25eth0]/a.mp4",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/a.mp4",
        "https://media.example.org/" + "a" * 2_000,
        "https://",
        "",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, POLICY)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("0.1.2.3", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2001::1"),
        *("2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1"),
    ],
)
def test_addresses_within_are_not_connected_to(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450::2"])
def test_addresses_of_the_open_internet_are(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address))


def test_a_private_network_may_be_allowed() -> None:
    allowed = networks("10.1.0.0/16, fd00::/8")
    assert is_allowed(ipaddress.ip_address("10.1.2.3"), allowed)
    assert is_allowed(ipaddress.ip_address("::ffff:10.1.2.3"), allowed)
    assert is_allowed(ipaddress.ip_address("fd00::9"), allowed)
    assert not is_allowed(ipaddress.ip_address("10.2.2.3"), allowed)
    assert not is_allowed(ipaddress.ip_address("127.0.0.1"), allowed)


def test_a_name_with_one_address_within_is_refused() -> None:
    def resolver(_: str, __: int) -> list[str]:
        return ["8.8.8.8", "127.0.0.1"]

    with pytest.raises(AddressRefused, match="cannot be fetched from here"):
        resolve("media.example.org", 443, POLICY, resolver)
    assert resolve("media.example.org", 443, POLICY, lambda *_: ["8.8.8.8"]) == "8.8.8.8"


def test_what_is_wrong_with_a_name_is_not_told() -> None:
    def unknown(_: str, __: int) -> list[str]:
        raise OSError("no such name")

    told = set()
    for resolver in (unknown, lambda *_: [], lambda *_: ["10.0.0.1"], lambda *_: ["nonsense"]):
        with pytest.raises(AddressRefused) as caught:
            resolve("media.example.org", 443, POLICY, resolver)
        told.add(str(caught.value))
    assert len(told) == 1


def test_without_places_fetching_is_off() -> None:
    with pytest.raises(AddressRefused, match="HEIMDEX_INGEST_HOSTS"):
        check_url("https://media.example.org/a.mp4", FetchPolicy())


@pytest.mark.parametrize("text", ["ftp://a", "a b", "*", "*.*", "https://", "a?b"])
def test_a_list_that_makes_no_sense_is_a_wrong_setting(text: str) -> None:
    with pytest.raises(SettingsError):
        places(text)
    with pytest.raises(SettingsError):
        networks("10.0.0.0/99")
