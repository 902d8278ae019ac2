"""Errors as problem documents (RFC 9457): one table says which error is which status."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from heimdex import errors
from heimdex.server.request_ids import request_id

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

# The first that fits counts, so what is narrower stands before what is wider.
STATUS: tuple[tuple[type[errors.HeimdexError], HTTPStatus], ...] = (
    (errors.NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (errors.NotAllowed, HTTPStatus.FORBIDDEN),
    (errors.RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.ProviderUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.QueryError, HTTPStatus.BAD_REQUEST),
    (errors.UsageError, HTTPStatus.BAD_REQUEST),
    (errors.OversizedPicture, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.UnknownFormat, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (errors.MediaError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.WorkerError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.UploadBrokenOff, HTTPStatus.REQUEST_TIMEOUT),
    (errors.UploadBusy, HTTPStatus.LOCKED),
    (errors.UploadTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.QuotaExceeded, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (errors.TooManyUploads, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.UploadExpired, HTTPStatus.GONE),
    (errors.AddressRefused, HTTPStatus.FORBIDDEN),
    (errors.FetchFailed, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.UploadError, HTTPStatus.CONFLICT),
    (errors.Superseded, HTTPStatus.CONFLICT),
    (errors.ChangeRefused, HTTPStatus.CONFLICT),
    (errors.StorageFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (errors.DatabaseUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.ObjectStoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.ObjectMissing, HTTPStatus.NOT_FOUND),
    (errors.WorkersUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.ModelUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


# Errors whose messages name hosts, logins, buckets, folders or rows; the log has them under the request's id.
OF_STORES: tuple[tuple[type[errors.HeimdexError], str], ...] = (
    (errors.DatabaseUnavailable, "The database does not answer; try again."),
    (errors.StorageFull, "There is too little space left on the service's disk; try again later."),
    (
        errors.ObjectMissing,
        "Its file is not there any more; `heimdex verify` on the service's machine says more.",
    ),
    (errors.ObjectStoreUnavailable, "The object store does not answer; try again."),
    (errors.Superseded, "Somebody else was faster; look at how it stands now."),
    (errors.StoreError, "The service's store failed; its log says more under the request's id."),
)


def status_of(error: errors.HeimdexError) -> HTTPStatus:
    """The HTTP status that an error has."""
    return next(
        (status for kind, status in STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
    )


def problem(status: int, title: str, detail: str | None = None, **more: Any) -> JSONResponse:
    """A problem document. `more` are extension members."""
    headers = more.pop("headers", None)
    document = {
        "type": f"urn:heimdex:problem:{_slug(title)}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request_id(),
    }
    content = {name: value for name, value in (document | more).items() if value is not None}
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Have every error of an application answered with a problem."""
    app.add_exception_handler(errors.HeimdexError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_anything)


def _of_ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.HeimdexError)
    status = status_of(error)
    headers = {}
    if isinstance(error, errors.RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    elif status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.LOCKED):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    elif status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, errors.ObjectMissing):
        log.error("%s: %s", type(error).__name__, error, exc_info=error)
    return problem(status, _words(type(error).__name__), told(error), headers=headers)


def told(error: errors.HeimdexError) -> str:
    """What a caller is told. Of databases and stores: not where they are, who asks them and what they say."""
    return next((text for kind, text in OF_STORES if isinstance(error, kind)), str(error))


def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"at": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults[:3])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid request", detail, errors=faults)


def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else None
    return problem(error.status_code, phrase, detail, headers=dict(error.headers or {}))


def _of_anything(_: Request, error: Exception) -> JSONResponse:
    log.error("a request failed unforeseen", exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Internal error",
        "This is a fault of the server; its log says more under the request's id.",
    )


def _words(name: str) -> str:
    """`QueryError` as `Query error`."""
    parts = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return parts[:1].upper() + parts[1:]


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")
