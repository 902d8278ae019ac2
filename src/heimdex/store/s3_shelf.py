"""Objects in a bucket of an S3-compatible service, through obstore.

obstore tries a request again by itself, with back-off: server errors, refused and cut connections. What it
gives up comes here, is told in words, and is tried again from outside where that may help (objects.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from heimdex.entities import StoredObject
from heimdex.errors import (
    ObjectMissing,
    ObjectStoreError,
    ObjectStoreRefused,
    ObjectStoreUnavailable,
    SettingsError,
)
from heimdex.store.buckets import make_bucket
from heimdex.store.shelf import PIECE_BYTES, Put, Shelf

MOST_PARTS = 9_000  # S3 takes 10,000
PARTS_AT_ONCE = 2
SMALL_BYTES = 256 << 10  # a kept frame and more
KEYS_AT_ONCE = 1_000  # what one request may delete
REFUSALS = (
    "403 Forbidden",
    "401 Unauthorized",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AccessDenied",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Options:
    """Where the bucket is and who asks. Without a key pair: what the machine itself may, as AWS has it."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None  # None: AWS, by region
    region: str = "us-east-1"
    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    allow_http: bool = False
    timeout_s: float = 180.0  # for one request with a piece in it, which may come through a thin line
    short_timeout_s: float = 20.0  # for one of a few kilobytes
    connect_timeout_s: float = 5.0
    tries: int = 6  # of one request
    patience_s: float = 30.0  # for all tries of one request


class S3Shelf(Shelf):
    """A bucket, or what stands below a prefix in it."""

    is_shared = True

    def __init__(self, options: S3Options) -> None:
        """Asks nothing yet. Raises SettingsError for an address that is none."""
        self._options = options
        self.place = f"s3://{options.bucket}/{options.prefix}".rstrip("/")
        self._where = f"{self.place} at {options.endpoint}" if options.endpoint else self.place
        if options.endpoint is not None:
            _check(options.endpoint, allow_http=options.allow_http)
        try:
            prefix = options.prefix or None
            self._store = S3Store(options.bucket, prefix=prefix, **_config(options, options.timeout_s))
            self._quick = S3Store(options.bucket, prefix=prefix, **_config(options, options.short_timeout_s))
        except (BaseError, ValueError) as error:
            raise SettingsError(
                f"The object store {self._where} cannot be used: {_first_line(error)}. See "
                "docs/howto/object-store.md."
            ) from error

    def make(self) -> bool:
        """The bucket, where there is none and the login may."""
        timeout_s = self._options.short_timeout_s
        with self._translated(None):
            if self._is_there():
                return False
            return make_bucket(
                self._options.bucket, _config(self._options, timeout_s), self._where, timeout_s
            )

    def _is_there(self) -> bool:
        try:
            next(iter(obstore.list(self._quick, chunk_size=1)), None)
        except FileNotFoundError:
            return False
        except BaseError as error:
            if "NoSuchBucket" in str(error):
                return False
            raise
        return True

    def put(self, put: Put, pieces: Iterator[bytes]) -> None:
        """In one request, or in parts; parts of an object that does not come about are taken back."""
        part_bytes = max(PIECE_BYTES, -(-put.size_bytes // MOST_PARTS))
        parts = _regrouped(pieces, part_bytes)
        first = next(parts, b"")
        second = next(parts, None)
        attributes = {
            "Content-Type": put.content_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(put.name, safe='')}",
        }
        with self._translated(None):
            if second is None:
                store = self._quick if len(first) <= SMALL_BYTES else self._store
                obstore.put(store, put.key, first, attributes=attributes, use_multipart=False)
                return
            obstore.put(
                self._store,
                put.key,
                itertools.chain([first, second], parts),
                attributes=attributes,
                use_multipart=True,
                chunk_size=part_bytes,
                max_concurrency=PARTS_AT_ONCE,
            )

    def read(self, key: str, start: int, length: int) -> bytes:
        """As the interface says."""
        with self._translated(key):
            store = self._quick if length <= SMALL_BYTES else self._store
            try:
                return bytes(obstore.get_range(store, key, start=start, length=length))
            except BaseError as error:
                if "416 Range Not Satisfiable" in str(error):  # it ends before
                    return b""
                raise

    def head(self, key: str) -> StoredObject:
        """As the interface says."""
        with self._translated(key):
            return _stored(obstore.head(self._quick, key))

    def delete(self, keys: Sequence[str]) -> None:
        """As the interface says; a thousand in one request."""
        for start in range(0, len(keys), KEYS_AT_ONCE):
            with self._translated(None):
                obstore.delete(self._quick, list(keys[start : start + KEYS_AT_ONCE]))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As the interface says; a thousand with one request."""
        with self._translated(None):
            for batch in obstore.list(self._quick, prefix, chunk_size=KEYS_AT_ONCE):
                yield from map(_stored, batch)

    def folders(self, prefix: str) -> Sequence[str]:
        """As the interface says."""
        with self._translated(None):
            found = obstore.list_with_delimiter(self._quick, prefix)
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found["common_prefixes"])

    def presign(self, key: str, seconds: int) -> str | None:
        """As the interface says; nothing is asked, so the object need not be there."""
        with self._translated(None):
            return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))

    def path(self, key: str) -> Path | None:
        """It lies elsewhere."""
        return None

    @contextmanager
    def _translated(self, key: str | None) -> Iterator[None]:
        """`key` where a 404 means that this object is missing; else it is the bucket."""
        try:
            yield
        except FileNotFoundError as error:
            if key is None or "NoSuchBucket" in str(error):
                raise self._bucketless() from error
            raise ObjectMissing(
                f"There is no object {key} in {self._where}; `heimdex verify` says what lacks."
            ) from error
        except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
            raise self._refused(error) from error
        except BaseError as error:
            if any(sign in str(error) for sign in REFUSALS):
                raise self._refused(error) from error
            if "NoSuchBucket" in str(error):
                raise self._bucketless() from error
            if "HTTP error" not in str(error) and "status code: 4" in str(error):
                raise ObjectStoreError(
                    f"The object store {self._where} does not take a request ({_first_line(error)}); see "
                    "docs/howto/object-store.md."
                ) from error
            raise ObjectStoreUnavailable(
                f"The object store {self._where} cannot be reached, or fails ({_first_line(error)}); check "
                "that it runs, then try again."
            ) from error

    def _refused(self, error: Exception) -> ObjectStoreRefused:
        return ObjectStoreRefused(
            f"The object store {self._where} refuses: check HEIMDEX_S3_KEY_ID, HEIMDEX_S3_SECRET and what "
            f"they may do ({_first_line(error)})."
        )

    def _bucketless(self) -> ObjectStoreRefused:
        return ObjectStoreRefused(
            f"There is no bucket for {self._where}; make it (`heimdex migrate` does where it may), or "
            "correct HEIMDEX_OBJECT_STORE."
        )


def _check(endpoint: str, *, allow_http: bool) -> None:
    try:
        parts = urlsplit(endpoint)
        proper = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        proper = False
    if not proper:
        raise SettingsError(f"HEIMDEX_S3_ENDPOINT is {endpoint}; it begins with https:// or http://.")
    if parts.scheme == "http" and not allow_http:
        raise SettingsError(
            f"HEIMDEX_S3_ENDPOINT is {endpoint}, over which everything can be read by others; take https://, "
            "or say HEIMDEX_S3_ALLOW_HTTP=true."
        )


def _config(options: S3Options, timeout_s: float) -> dict[str, Any]:
    config: dict[str, Any] = {
        "region": options.region,
        "virtual_hosted_style_request": False,
        "client_options": {
            "allow_http": options.allow_http,
            "timeout": timedelta(seconds=timeout_s),
            "connect_timeout": timedelta(seconds=options.connect_timeout_s),
        },
        "retry_config": {
            "max_retries": options.tries - 1,
            "retry_timeout": timedelta(seconds=options.patience_s),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=5),
                "base": 2,
            },
        },
    }
    if options.endpoint is not None:
        config["endpoint"] = options.endpoint
    if options.key_id is not None:
        config["access_key_id"] = options.key_id
        config["secret_access_key"] = options.secret or ""
    return config


def _regrouped(pieces: Iterator[bytes], part_bytes: int) -> Iterator[bytes]:
    """The same bytes in parts of one size; the last may be smaller."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= part_bytes:
            whole = b"".join(waiting)
            yield whole[:part_bytes]
            rest = whole[part_bytes:]
            waiting, size = [rest] if rest else [], len(rest)
    if waiting:
        yield b"".join(waiting)


def _stored(meta: Any) -> StoredObject:
    return StoredObject(
        key=cast("str", meta["path"]), size_bytes=meta["size"], modified_at=meta["last_modified"]
    )


def _first_line(error: Exception) -> str:
    """What went wrong, without the addresses' signatures and the sources that obstore appends."""
    return " ".join(str(error).partition("\n")[0].split())[:300].rstrip(" :")
