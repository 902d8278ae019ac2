"""What the hub's refusals mean: which ones pass, how long it asks to wait, and what to tell people."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from heimdex.errors import DownloadFailed, HubUnavailable, ModelError

if TYPE_CHECKING:
    import httpx2

NO_HUB = (
    "What is installed works on, the starter included; `heimdex models import` takes a model from a folder."
)
TOO_MANY = 429
PASSING = frozenset({408, TOO_MANY, 500, 502, 503, 504})
QUOTA = re.compile(r"\br=0\b.*?\bt=(\d+)")  # draft-ietf-httpapi-ratelimit-headers: nothing left, t seconds


def is_passing(problem: Exception) -> bool:
    """Whether asking again may help: a broken connection, a hub that is busy or ill."""
    response = _response(problem)
    return response is None or response.status_code in PASSING


def waiting_time_s(problem: Exception | None) -> float | None:
    """How long the hub asks to be left alone, in seconds; None where it does not say."""
    response = _response(problem)
    if response is None:
        return None
    stated = response.headers.get("Retry-After", "").strip()
    if stated.isdigit():
        return float(stated)
    if stated:
        try:
            return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
        except ValueError:
            pass
    quota = QUOTA.search(response.headers.get("RateLimit", ""))
    return float(quota[1]) if quota and response.status_code == TOO_MANY else None


def explain(problem: Exception, endpoint: str, repository: str, name: str = "") -> ModelError:
    """The error to raise for what the client raised."""
    from huggingface_hub import errors

    response = _response(problem)
    if response is None:
        reason = str(problem).strip() or type(problem).__name__
        return HubUnavailable(f"The model hub at {endpoint} cannot be reached ({_line(reason)}). {NO_HUB}")
    status = response.status_code
    if isinstance(problem, errors.GatedRepoError):
        return DownloadFailed(
            f"{repository} is gated: accept its licence at {endpoint}/{repository}, then set "
            "HEIMDEX_HUB_TOKEN to a token of that account."
        )
    if isinstance(problem, errors.RevisionNotFoundError):
        return DownloadFailed(f"{repository} no longer has the revision asked for; update Heimdex.")
    if isinstance(problem, errors.RemoteEntryNotFoundError) or (status == 404 and name):
        return DownloadFailed(f"{repository} has no file {name} any more; run the pull again.")
    if status in (401, 404):
        return DownloadFailed(
            f"The hub at {endpoint} shows no repository {repository} ({status}): it does not exist there, or "
            "needs a token (HEIMDEX_HUB_TOKEN) that may see it."
        )
    if status == 403:
        return DownloadFailed(
            f"The hub at {endpoint} forbids {repository} ({_line(_said(problem))}). Check the rights of "
            "HEIMDEX_HUB_TOKEN."
        )
    if status == TOO_MANY:
        wait_s = waiting_time_s(problem)
        until = f"for {wait_s:.0f} s" if wait_s else "for a while"
        return HubUnavailable(
            f"The hub at {endpoint} asks to be left alone {until} (429); pull again then: what is here "
            "stays. A token (HEIMDEX_HUB_TOKEN) is allowed more."
        )
    if status in PASSING:
        return HubUnavailable(
            f"The hub at {endpoint} is ill ({status}); pull again later: what is here stays. {NO_HUB}"
        )
    return DownloadFailed(
        f"The hub at {endpoint} answered {status} for {name or repository} ({_line(_said(problem))})."
    )


def _response(problem: Exception | None) -> httpx2.Response | None:
    from huggingface_hub.errors import HfHubHTTPError

    return problem.response if isinstance(problem, HfHubHTTPError) else None


def _said(problem: Exception) -> str:
    return str(getattr(problem, "server_message", None) or problem)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
