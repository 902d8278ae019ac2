"""Sentences by an OpenAI-style embeddings endpoint: one of the user's own, or somebody's service."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from typing import Any

import numpy as np

from heimdex.encoders.encoder import Rows
from heimdex.encoders.row import ModelRow
from heimdex.encoders.text_encoder import TextEncoder, TextTask
from heimdex.encoders.towers import unit
from heimdex.entities import Space
from heimdex.errors import ModelError, ModelUnavailable

LARGEST_ANSWER_BYTES = 256 << 20
TRIED_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT_S = 60.0
BLANK = " "  # such services refuse an empty text


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointOptions:
    """Which endpoint, and how patiently it is asked."""

    url: str  # of the embeddings themselves, e.g. http://127.0.0.1:8080/v1/embeddings
    model: str
    key: str | None = field(default=None, repr=False)
    dimensions: int | None = (
        None  # asked for where the model can shorten its vectors; None: as many as it has
    )
    timeout_s: float = 30.0
    attempts: int = 4
    wait_s: float = 0.5  # before the second attempt; twice as long before each further one
    batch: int = 32


class EndpointEncoder(TextEncoder):
    """Nothing is sent before the first text, or the first question for its space."""

    def __init__(self, options: EndpointOptions, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raises ModelError for a URL that is none of http."""
        if not options.url.startswith(("http://", "https://")):
            raise ModelError(f"{options.url!r} is no http address of an embeddings endpoint.")
        self.row = ModelRow(
            name=f"endpoint:{options.model}",
            family="text",
            pretrained=options.model,
            precision="unknown",
            licence="unknown",
            task="texts by meaning",
            files=(),
        )
        self.batch = options.batch
        self._options, self._sleep = options, sleep
        self._space: Space | None = None
        # Without redirects: the key is for this address alone.
        self._opener = urllib.request.build_opener(_NoRedirect)

    @property
    def space(self) -> Space:
        """The space `text`; asks the endpoint for one vector where its size is not known yet."""
        if self._space is None:
            self.embed(["size"], "passage")
        assert self._space is not None
        return self._space

    def embed(self, texts: Sequence[str], task: TextTask) -> Rows:
        """N texts → (n, dim), unit rows.

        Raises ModelUnavailable where the endpoint cannot be reached, refuses the key or does not know the
        model, ModelError where its answer makes no sense.
        """
        if not texts:
            return np.empty((0, self.space.dim), np.float32)
        content: dict[str, Any] = {
            "model": self._options.model,
            "input": [text if text.strip() else BLANK for text in texts],
            "encoding_format": "float",
        }
        if self._options.dimensions is not None:
            content["dimensions"] = self._options.dimensions
        rows = _rows(self._ask(json.dumps(content).encode()), len(texts), self._options.url)
        self._check_size(rows.shape[1])
        return unit(rows)

    def _check_size(self, dim: int) -> None:
        wanted = self._space.dim if self._space else self._options.dimensions
        if wanted is not None and dim != wanted:
            raise ModelError(
                f"{self._options.url} gave vectors of {dim} dimensions where {wanted} were expected; "
                f"is {self._options.model} still the same model?"
            )
        self._space = self._space or Space(model=self.row.name, name="text", dim=dim)

    def _ask(self, body: bytes) -> bytes:
        options, lack = self._options, ""
        for attempt in range(max(options.attempts, 1)):
            wait_s = options.wait_s * 2**attempt
            try:
                return self._send(body)
            except urllib.error.HTTPError as err:
                with contextlib.closing(err):
                    if err.code not in TRIED_AGAIN:
                        raise self._refusal(err) from err
                    lack = f"it answers {err.code}"
                    wait_s = max(wait_s, _asked_to_wait_s(err))
            except (OSError, HTTPException) as err:  # not there, cut off, or silent for too long
                lack = str(getattr(err, "reason", err)) or type(err).__name__
            if attempt + 1 < options.attempts:
                self._sleep(min(wait_s, LONGEST_WAIT_S))
        raise ModelUnavailable(
            f"The embeddings endpoint {options.url} cannot be used: {lack} ({options.attempts} attempts). "
            "Is it running?"
        )

    def _send(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._options.key:
            headers["Authorization"] = f"Bearer {self._options.key}"
        request = urllib.request.Request(self._options.url, data=body, headers=headers, method="POST")
        with self._opener.open(request, timeout=self._options.timeout_s) as answer:
            content: bytes = answer.read(LARGEST_ANSWER_BYTES + 1)
            promised = answer.headers.get("Content-Length", "")
        if promised.isdigit() and len(content) < min(int(promised), LARGEST_ANSWER_BYTES):
            raise IncompleteRead(content)  # which reading up to a limit does not
        if len(content) > LARGEST_ANSWER_BYTES:
            raise ModelError(f"{self._options.url} answers with more than {LARGEST_ANSWER_BYTES:,} bytes.")
        return content

    def _refusal(self, err: urllib.error.HTTPError) -> ModelError:
        url = self._options.url
        if err.code in (401, 403):
            return ModelUnavailable(f"{url} refuses the key ({err.code}); check it.")
        if err.code == 404:
            return ModelUnavailable(
                f"{url} knows no such address, or no model {self._options.model!r} (404)."
            )
        if 300 <= err.code < 400:
            return ModelError(f"{url} points elsewhere ({err.code}); give the address it points to.")
        said = " ".join(err.read(2000).decode("utf-8", "replace").split())[:300]
        return ModelError(f"{url} refuses the texts ({err.code}): {said}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None: the answer that points elsewhere is the answer."""
        return


def _asked_to_wait_s(err: urllib.error.HTTPError) -> float:
    try:
        return max(0.0, float(err.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0  # a date; the usual wait must do


def _rows(content: bytes, count: int, url: str) -> Rows:
    """The vectors of an answer in the order of the texts, whatever order they come in."""
    try:
        data = json.loads(content)["data"]
        found = {int(entry["index"]): entry["embedding"] for entry in data}
        rows = np.array([found[index] for index in range(count)], dtype=np.float32)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as err:
        raise ModelError(
            f"{url} gave no embeddings for {count} texts ({type(err).__name__}: {err})."
        ) from err
    if len(found) != count or rows.ndim != 2 or not rows.shape[1]:
        raise ModelError(f"{url} gave {len(found)} embeddings for {count} texts.")
    if not np.isfinite(rows).all() or not np.linalg.norm(rows, axis=1).all():
        raise ModelError(f"{url} gave vectors that are not numbers, or of no length.")
    return rows
