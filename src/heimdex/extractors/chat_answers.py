"""What an OpenAI-style chat endpoint answers, made sense of."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from heimdex.errors import AnswerFault

LONGEST_TEXT = 2000  # characters of an answer that are kept
SAID_CHARACTERS = 200  # of somebody's own words in a message
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer. `refusal` is why the model says nothing, where it does not; `text` is then empty."""

    text: str
    refusal: str | None = None
    tokens_in: int | None = None  # as the endpoint counts; None where it does not say
    tokens_out: int | None = None
    took_ms: float = 0.0
    requests: int = 1  # it took, those in vain included


def read_reply(content: bytes) -> Reply:
    """The first choice of a chat completion. Raises AnswerFault, in words without the endpoint's name."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as err:
        raise AnswerFault(f"answered with no JSON: {excerpt(content.decode('utf-8', 'replace'))}") from err
    if not isinstance(answer, dict):
        raise AnswerFault(f"answered with a {type(answer).__name__} in place of a chat completion")
    if answer.get("error"):
        raise AnswerFault(f"answered with an error: {excerpt(_error_text(answer['error']))}")
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        said = _content(message.get("content"))
        refusal = message.get("refusal")
        ended = choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError) as err:
        raise AnswerFault(f"answered without a message ({type(err).__name__}: {err})") from err
    tokens_in, tokens_out = _usage(answer.get("usage"))
    text = tidy(said)
    if isinstance(refusal, str) and refusal.strip():
        reason: str | None = f"the model refuses: {excerpt(refusal)}"
    elif ended == "content_filter":
        reason = "the endpoint's filter keeps the answer back"
    else:
        reason = None
    if reason is None and not text:
        cut = " within the length it was given" if ended == "length" else ""
        raise AnswerFault(f"answered with no words{cut}")
    return Reply(text="" if reason else text, refusal=reason, tokens_in=tokens_in, tokens_out=tokens_out)


def tidy(text: str) -> str:
    """Plain text on one line: without what the model thought aloud, control characters and halves of
    characters; cut at a word's end after LONGEST_TEXT characters.
    """
    told = _CONTROL.sub(" ", _THOUGHTS.sub(" ", text)).encode("utf-8", "ignore").decode()
    line = " ".join(told.split())
    if len(line) > LONGEST_TEXT:
        line = line[:LONGEST_TEXT].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    return line


def excerpt(text: str) -> str:
    """The beginning of somebody's words, for a message."""
    line = " ".join(_CONTROL.sub(" ", text).encode("utf-8", "ignore").decode().split())
    return line if len(line) <= SAID_CHARACTERS else f"{line[:SAID_CHARACTERS]} …"


def asked_to_wait_s(header: str | None, now: datetime | None = None) -> float:
    """The seconds of a Retry-After, which may be a date; 0 where there is none or it makes no sense."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return 0.0
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (aware - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if seconds < float("inf") else 0.0


def _content(content: Any) -> str:
    """The text of a message, which is a string or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if isinstance(part.get("text"), str))
    raise TypeError(f"the content is a {type(content).__name__}")


def _error_text(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or error)
    return str(error)


def _usage(usage: Any) -> tuple[int | None, int | None]:
    if not isinstance(usage, dict):
        return None, None
    return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 40 else None
