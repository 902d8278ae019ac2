"""An OpenAI-style chat endpoint that is shown pictures, or given texts: one's own, or somebody's service.

Nothing is sent before the first question. The key goes to the one address it was given for: no redirect is
followed, and no message or record holds it.
"""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx2

from heimdex.errors import AnswerFault, ModelError, ModelUnavailable
from heimdex.extractors.chat_answers import Reply, asked_to_wait_s, excerpt, read_reply
from heimdex.extractors.traffic import Traffic

LARGEST_ANSWER_BYTES = 1 << 20
LONGEST_WAIT_S = 60.0  # an endpoint that asks to be left alone for longer is left alone
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
OF_THE_QUESTION = frozenset({400, 413, 415, 422})  # another question may do
ALIVE_EVERY_S = 0.2
OK, BAD_REQUEST, TOO_MANY = 200, 400, 429
COMPLETIONS = "/chat/completions"
NEWER_LIMIT = "max_completion_tokens"
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Alive = Callable[[], None]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatOptions:
    """Which endpoint, and how patiently it is asked."""

    url: str  # the API's base, e.g. http://localhost:11434/v1, or its /chat/completions
    model: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0  # for one request, from its first byte to the answer's last
    attempts: int = 4
    wait_s: float = 1.0  # before the second attempt; twice as long before each further one
    answer_tokens: int = 500
    requests_per_minute: float = 0.0  # 0: no limit
    budget_requests: int = 0  # of a run, those sent in vain included; 0: no limit


class ChatEndpoint:
    """Asks one endpoint. Thread-safe: budget, pace and counts are the traffic's."""

    def __init__(
        self, options: ChatOptions, traffic: Traffic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Raises ModelError for an address that is none of http, or that holds a name and a password."""
        self.options, self.traffic = options, traffic
        self.url, self.place = _address(options.url)
        self._sleep = sleep
        self._limit_name = "max_tokens"
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if options.key:
            headers["Authorization"] = f"Bearer {options.key}"
        self._client = httpx2.Client(
            headers=headers,
            timeout=options.timeout_s,
            follow_redirects=False,
            trust_env=urlsplit(self.url).hostname not in LOOPBACK,  # no proxy between this machine and itself
        )

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def ask(self, prompt: str, pictures: Sequence[bytes] = (), alive: Alive = lambda: None) -> Reply:
        """The answer to a prompt about some JPEGs; `alive` is called while it waits, and may raise.

        Raises AnswerFault where this question has no answer, ModelUnavailable where no question would have
        one now, BudgetSpent before a request too many.
        """
        began_s = time.monotonic()
        content, requests = self._ask(prompt, pictures, alive)
        reply = self._read(content)
        self.traffic.add(reply.tokens_in or 0, reply.tokens_out or 0)
        took_ms = (time.monotonic() - began_s) * 1000
        return replace(reply, took_ms=round(took_ms, 1), requests=requests)

    def _ask(self, prompt: str, pictures: Sequence[bytes], alive: Alive) -> tuple[bytes, int]:
        """What was answered, and how many requests that took."""
        options = self.options
        attempts = max(options.attempts, 1)
        failure = _Failure(lack="", there=False)
        for attempt in range(attempts):
            if attempt:
                self._rest(max(failure.wait_s, options.wait_s * 2 ** (attempt - 1)), alive)
            self._rest(self._booked_s(), alive)
            limit_name = self._limit_name
            found = self._try(self._body(prompt, pictures, limit_name), limit_name, alive)
            if isinstance(found, bytes):
                return found, attempt + 1
            failure = found
        told = f"{self.place}: {self._hush(failure.lack)} ({attempts} attempts)"
        raise AnswerFault(told) if failure.there else ModelUnavailable(f"{told}. {failure.hint}".rstrip())

    def _try(self, body: bytes, limit_name: str, alive: Alive) -> bytes | _Failure:
        """One request; the failure where another attempt makes sense."""
        try:
            status, headers, content = _patiently(lambda: self._send(body), alive)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as err:
            return _Failure(lack=str(err) or type(err).__name__, there=False, hint="Is it running?")
        except httpx2.TimeoutException:
            return _Failure(lack=f"no answer within {self.options.timeout_s:g} s", there=True)
        except httpx2.HTTPError as err:  # cut off in the middle, or no HTTP at all
            return _Failure(lack=str(err) or type(err).__name__, there=True)
        if status == OK:
            return content
        if self._takes_another_limit(status, content, limit_name):
            return _Failure(lack="it does not know how to limit its answer", there=True)
        if status not in PASSING:
            raise self._refusal(status, content)
        wait_s = asked_to_wait_s(headers.get("Retry-After"))
        if wait_s > LONGEST_WAIT_S:
            raise ModelUnavailable(f"{self.place} asks to be left alone for {wait_s:.0f} s ({status}).")
        return _Failure(lack=f"it answers {status}", there=status != TOO_MANY, wait_s=wait_s)

    def _send(self, body: bytes) -> tuple[int, httpx2.Headers, bytes]:
        """One request. As it comes, not unpacked: a small answer may unpack to a huge one."""
        ends_s = time.monotonic() + self.options.timeout_s
        content = bytearray()
        headers = {"Content-Type": "application/json"}
        with self._client.stream("POST", self.url, content=body, headers=headers) as response:
            for piece in response.iter_raw():
                content += piece
                if len(content) > LARGEST_ANSWER_BYTES:
                    raise AnswerFault(f"{self.place} answers with more than {LARGEST_ANSWER_BYTES:,} bytes.")
                if time.monotonic() > ends_s:  # a byte now and then is no answer
                    raise httpx2.ReadTimeout("the answer does not end")
        return response.status_code, response.headers, bytes(content)

    def _body(self, prompt: str, pictures: Sequence[bytes], limit_name: str) -> bytes:
        content: str | list[dict[str, Any]] = prompt
        if pictures:
            content = [{"type": "text", "text": prompt}]
            for picture in pictures:
                url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
                content.append({"type": "image_url", "image_url": {"url": url}})
        request = {
            "model": self.options.model,
            "messages": [{"role": "user", "content": content}],
            limit_name: self.options.answer_tokens,
            "stream": False,
        }
        return json.dumps(request).encode()

    def _booked_s(self) -> float:
        options = self.options
        return self.traffic.book(
            budget=options.budget_requests, per_minute=options.requests_per_minute, now_s=time.monotonic()
        )

    def _rest(self, seconds: float, alive: Alive) -> None:
        while seconds > 0:
            alive()
            self._sleep(min(seconds, ALIVE_EVERY_S))
            seconds -= ALIVE_EVERY_S

    def _takes_another_limit(self, status: int, content: bytes, used: str) -> bool:
        """Whether it wants the length of its answer under the newer name, as OpenAI's thinking models do."""
        if status == BAD_REQUEST and used != NEWER_LIMIT and NEWER_LIMIT.encode() in content:
            self._limit_name = NEWER_LIMIT
            return True
        return False

    def _read(self, content: bytes) -> Reply:
        try:
            return read_reply(content)
        except AnswerFault as err:
            raise AnswerFault(self._hush(f"{self.place} {err}.")) from err

    def _refusal(self, status: int, content: bytes) -> ModelError:
        place, model = self.place, self.options.model
        if status in (401, 403):
            return ModelUnavailable(f"{place} refuses the key ({status}); check it.")
        if status == 404:
            return ModelUnavailable(f"{place} knows no such address, or no model {model!r} (404).")
        if 300 <= status < 400:
            return ModelUnavailable(f"{place} points elsewhere ({status}); give the address it points to.")
        said = self._hush(excerpt(content.decode("utf-8", "replace")))
        if status in OF_THE_QUESTION:
            return AnswerFault(f"{place} refuses the question ({status}): {said}")
        return ModelUnavailable(f"{place} answers {status}: {said}")

    def _hush(self, text: str) -> str:
        """A message without the key, which services like to repeat."""
        key = self.options.key
        return text.replace(key, "***") if key else text


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    """Why one request had no answer. `there`: the endpoint is, so the question may be to blame."""

    lack: str
    there: bool
    wait_s: float = 0.0
    hint: str = ""


def _address(url: str) -> tuple[str, str]:
    """The address to ask, and what it is called in messages: without what follows its path."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"{excerpt(url)!r} is no http address of a chat endpoint.")
    if parts.username or parts.password:
        raise ModelError("The address of the endpoint holds a name or a password; give the key as the key.")
    path = parts.path.rstrip("/")
    if not path.endswith(COMPLETIONS):
        path = (path or "/v1") + COMPLETIONS
    whole = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    return whole, urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _patiently(work: Callable[[], T], alive: Alive) -> T:
    """What `work` returns or raises, done in a thread: a model may think for a minute, and the run may stop.

    Where `alive` raises, the thread is left behind; it ends with its request.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((work(), None))
        except BaseException as err:  # raised where it is waited for
            answers.put((None, err))

    threading.Thread(target=run, name="endpoint", daemon=True).start()
    while True:
        try:
            found, error = answers.get(timeout=ALIVE_EVERY_S)
        except queue.Empty:
            alive()
            continue
        if error is not None:
            raise error
        return found  # type: ignore[return-value]
