"""How often somebody may try to sign in: by address, by name, and by both.

The pair is what guessing looks like; the address alone stops one machine from trying many names; the name
alone stops many machines from trying one, with room enough that a stranger's few attempts keep nobody out.
"""

from __future__ import annotations

import hashlib
import ipaddress
from functools import partial

from heimdex.errors import RateLimited
from heimdex.store import sign_in_buckets
from heimdex.store.database import Database
from heimdex.store.sign_in_buckets import Bucket
from heimdex.store.users import NOBODY, name_key

PAIR = (5, 30.0)  # attempts at once, seconds for one more
ADDRESS = (20, 10.0)
NAME = (60, 20.0)
IPV6_BITS = 64  # what one customer gets


def count_attempt(database: Database, address: str, name: str | None) -> list[Bucket]:
    """Count an attempt before it is judged, in a transaction of its own. Raises RateLimited.

    `name` is None where there is none to guess at. Returns what `forget_attempt` takes back.
    """
    whose = _network(address)
    buckets = [_bucket("address", whose, ADDRESS)]
    if name is not None:
        key = name_key(name)
        buckets += [_bucket("name", key, NAME), _bucket("pair", f"{whose}/{key}", PAIR)]
    for place, bucket in enumerate(buckets):
        wait_s = _take(database, bucket)
        if wait_s is not None:
            forget_attempt(database, buckets[:place])
            raise RateLimited("Too many attempts to sign in; wait a little.", retry_after_s=wait_s)
    return buckets


def forget_attempt(database: Database, buckets: list[Bucket]) -> None:
    """It was no guess."""
    for bucket in buckets:
        database.run(NOBODY, partial(sign_in_buckets.give_back, bucket=bucket))


def _take(database: Database, bucket: Bucket) -> float | None:
    """None where there was room, else the seconds to wait."""
    if database.run(NOBODY, lambda connection: sign_in_buckets.take(connection, bucket)):
        return None
    return database.run(NOBODY, lambda connection: sign_in_buckets.wait_s(connection, bucket))


def _bucket(kind: str, whose: str, room: tuple[int, float]) -> Bucket:
    key = hashlib.sha256(f"{kind}/{whose}".encode("utf-8", "surrogatepass")).digest()
    return Bucket(key=key, burst=room[0], every_s=room[1])


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, IPV6_BITS), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
