"""Where a request comes from, as proxies tell it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.requests import HTTPConnection

from heimdex.server.auth.options import AuthOptions
from heimdex.server.auth.whence import whence

OPTIONS = AuthOptions(owner="nobody", trusted_proxies=(ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("198.51.100.1, 203.0.113.7:4711, 10.1.1.1:80", "203.0.113.7"),
        ("unknown", "unknown"),
    ],
)
def test_a_port_in_what_a_proxy_tells_is_no_part_of_the_address(told: str, address: str) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "server": ("heimdex.example", 80),
        "client": ("10.0.0.1", 1),
        "headers": [(b"host", b"heimdex.example"), (b"x-forwarded-for", told.encode())],
    }
    assert whence(HTTPConnection(scope), OPTIONS).address == address
