"""Making a bucket: obstore knows only what is in buckets, so the request is signed by it and sent from here.

S3's CreateBucket is a PUT at the bucket's own address; a signed address leaves the body unsigned, so one may
go with it (Amazon's API reference, "CreateBucket" and "Authenticating Requests: Using Query Parameters").
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from heimdex.errors import ObjectStoreError, ObjectStoreRefused, ObjectStoreUnavailable

SIGNED_FOR = timedelta(minutes=5)  # clocks may differ
HOME_REGION = "us-east-1"  # of Amazon, where no other is named: naming this one is an error there
LOCATION = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
)


def make_bucket(bucket: str, config: dict[str, Any], where: str, timeout_s: float) -> bool:
    """Make a bucket; False where somebody with the same login just did. `where` is what people are told.

    Raises ObjectStoreRefused where the login may not, or the name belongs to others, ObjectStoreUnavailable,
    ObjectStoreError.
    """
    import httpx2  # only who has a bucket to make needs it

    address = obstore.sign(S3Store(bucket, **config), "PUT", "", SIGNED_FOR)
    try:
        body = location(config.get("endpoint"), config["region"]).encode()
        answer = httpx2.put(address, content=body, timeout=timeout_s)
    except httpx2.HTTPError as error:
        raise ObjectStoreUnavailable(
            f"The object store {where} cannot be reached, or fails ({type(error).__name__}); check that it "
            "runs, then try again."
        ) from error
    if answer.is_success:
        return True
    if answer.status_code == HTTPStatus.CONFLICT and "BucketAlreadyExists" not in answer.text:
        return False  # it is ours, or becomes so just now
    raise _fault(answer.status_code, where)


def location(endpoint: str | None, region: str) -> str:
    """What Amazon wants to be told of the region of a new bucket; other services have one, or other names."""
    host = "amazonaws.com" if endpoint is None else urlsplit(endpoint).hostname or ""
    if region == HOME_REGION or not f".{host}".endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return ""
    return LOCATION.format(region=region)


def _fault(status: int, where: str) -> ObjectStoreError:
    if status == HTTPStatus.CONFLICT:
        return ObjectStoreRefused(
            f"The bucket of {where} belongs to somebody else; name another in HEIMDEX_OBJECT_STORE."
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ObjectStoreRefused(
            f"There is no bucket for {where}, and HEIMDEX_S3_KEY_ID may not make it: make it yourself, or "
            "let that key."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ObjectStoreUnavailable(
            f"The object store {where} cannot be reached, or fails (status {status}); check that it runs, "
            "then try again."
        )
    return ObjectStoreError(
        f"The object store {where} does not make a bucket of that name (status {status}); make it yourself, "
        "or correct HEIMDEX_OBJECT_STORE."
    )
