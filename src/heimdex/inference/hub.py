"""The model hub, asked through huggingface_hub: what a repository holds, and its files byte by byte.

Nothing is asked but what is called for here: no telemetry (the client would look up the name of whatever
started the process), no token but the one given.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from heimdex.errors import DownloadFailed, HubUnavailable, ModelError
from heimdex.inference.hub_answers import NO_HUB, explain, is_passing, waiting_time_s
from heimdex.inference.hub_listing import Listing, RemoteFile, read_listing
from heimdex.inference.staging import size_of, writing

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)

PUBLIC_HUB = "https://huggingface.co"
COMMIT_HEADER = "X-Repo-Commit"
PARTIAL_CONTENT, RANGE_REFUSED = 206, 416

Answer = TypeVar("Answer")
OnBytes = Callable[[int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class HubOptions:
    """Which hub, and how it is to be treated."""

    endpoint: str = PUBLIC_HUB
    token: str | None = field(default=None, repr=False)
    offline: bool = False
    version: str = "unknown"  # of Heimdex; the hub is told it
    limit_bytes_per_s: int = 0  # 0: as fast as it goes
    silence_s: float = 30.0  # without a byte for so long a connection counts as broken
    attempts: int = 5  # in a row without a byte gained
    backoff_s: float = 1.0  # before the second attempt; doubled each time
    longest_wait_s: float = 300.0  # a hub that asks to wait longer is given up


class Hub:
    """One hub. Every method may raise HubUnavailable (not in reach) and DownloadFailed (a wrong answer)."""

    def __init__(self, options: HubOptions) -> None:
        self.options = options

    def listing(self, repository: str, revision: str, names: tuple[str, ...]) -> Listing:
        """Size and checksum of each named file, and the commit the revision stands for now."""
        self._must_be_online()
        try:
            info = self._ask(
                repository,
                lambda: _api(self.options).model_info(
                    repository, revision=revision, files_metadata=True, timeout=self.options.silence_s
                ),
            )
            return read_listing(info, repository, revision, names)
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise HubUnavailable(
                f"What answers at {self.options.endpoint} is no model hub ({type(err).__name__}). "
                f"Check HEIMDEX_HUB_ENDPOINT and the way to the internet. {NO_HUB}"
            ) from err

    def fetch(self, listing: Listing, file: RemoteFile, part: Path, on_bytes: OnBytes) -> None:
        """Have the whole file at `part`, going on from the bytes that lie there. Its content is not checked.

        `on_bytes` gets how many bytes are there. Raises StorageFull and ModelError where they cannot be kept.
        """
        self._must_be_online()
        with writing(part.parent):
            part.parent.mkdir(parents=True, exist_ok=True)
            part.touch()
        most, fruitless = 0, 0
        while (have := size_of(part)) != file.size_bytes:
            if have > file.size_bytes:  # of another version
                _drop(part)
                continue
            most = max(most, have)
            problem = self._try(listing, file, part, on_bytes)
            now = size_of(part)
            # Only what was never reached before counts: a hub may send the same beginning for ever.
            fruitless = 0 if now > most else fruitless + 1
            if now != file.size_bytes:
                if fruitless >= self.options.attempts:
                    raise self._given_up(listing, file, most, problem) from problem
                log.info("%s of %s: %s; going on", file.name, listing.repository, problem or "cut off")
                self._wait(problem, max(fruitless, 1), listing.repository, file.name)

    def _try(self, listing: Listing, file: RemoteFile, part: Path, on_bytes: OnBytes) -> Exception | None:
        """One request. What broke it off is returned where another attempt makes sense."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        have = size_of(part)
        try:
            with self._open(listing, file, have) as response:
                if response.status_code == RANGE_REFUSED:
                    _drop(part)
                    return None
                _check_commit(response, listing, file)
                if response.status_code != PARTIAL_CONTENT:  # it sends the whole, whatever was asked
                    have = 0
                with writing(part.parent), part.open("r+b", buffering=0) as target:
                    target.truncate(have)
                    target.seek(have)
                    self._pour(response, target, (have, file), on_bytes)
        except OfflineModeIsEnabled as err:
            raise HubUnavailable(_switched_off("HF_HUB_OFFLINE")) from err
        except (HfHubHTTPError, httpx2.HTTPError) as err:
            if not is_passing(err):
                raise explain(err, self.options.endpoint, listing.repository, file.name) from err
            return err
        return None

    def _pour(
        self, response: httpx2.Response, target: Any, place: tuple[int, RemoteFile], on_bytes: OnBytes
    ) -> None:
        have, file = place
        pace = _Pace(self.options.limit_bytes_per_s)
        for piece in response.iter_bytes():
            if have + len(piece) > file.size_bytes:
                target.truncate(0)
                raise DownloadFailed(
                    f"The hub sends more than the {file.size_bytes:,} bytes that {file.name} has by its own "
                    "listing. Try again later, or another mirror (HEIMDEX_HUB_ENDPOINT)."
                )
            view = memoryview(piece)
            while view:
                view = view[target.write(view) :]
            have += len(piece)
            on_bytes(have)
            pace.spend(len(piece))

    @contextlib.contextmanager
    def _open(self, listing: Listing, file: RemoteFile, have: int) -> Iterator[httpx2.Response]:
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

        url = hf_hub_url(
            listing.repository, file.name, revision=listing.commit, endpoint=self.options.endpoint
        )
        headers = build_hf_headers(
            token=self.options.token or False, library_name="heimdex", library_version=self.options.version
        )
        headers["Accept-Encoding"] = "identity"  # ranges count the file's own bytes
        if have:
            headers["Range"] = f"bytes={have}-"
        with get_session().stream("GET", url, headers=headers, timeout=self.options.silence_s) as response:
            if response.status_code != RANGE_REFUSED:
                hf_raise_for_status(response)
            yield response

    def _ask(self, repository: str, call: Callable[[], Answer]) -> Answer:
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        attempt = 1
        while True:
            try:
                return call()
            except OfflineModeIsEnabled as err:
                raise HubUnavailable(_switched_off("HF_HUB_OFFLINE")) from err
            except httpx2.ConnectError as err:  # nobody there: say so at once
                raise explain(err, self.options.endpoint, repository) from err
            except (HfHubHTTPError, httpx2.HTTPError) as err:
                if attempt >= self.options.attempts or not is_passing(err):
                    raise explain(err, self.options.endpoint, repository) from err
                self._wait(err, attempt, repository)
            attempt += 1

    def _wait(self, problem: Exception | None, attempt: int, repository: str, name: str = "") -> None:
        """Before another attempt: as long as the hub asks, else longer each time. Raises what is final."""
        wait_s = waiting_time_s(problem)
        if wait_s is None:
            wait_s = self.options.backoff_s * 2 ** (attempt - 1)
        if wait_s > self.options.longest_wait_s:
            assert problem is not None
            raise explain(problem, self.options.endpoint, repository, name) from problem
        log.info("Waiting %.1f s for the hub.", wait_s)
        time.sleep(wait_s)

    def _given_up(
        self, listing: Listing, file: RemoteFile, have: int, problem: Exception | None
    ) -> ModelError:
        if problem is not None:
            return explain(problem, self.options.endpoint, listing.repository, file.name)
        return DownloadFailed(
            f"The hub sends {have:,} of the {file.size_bytes:,} bytes of {file.name} and no more. Try again "
            "later (it goes on from there), or another mirror (HEIMDEX_HUB_ENDPOINT)."
        )

    def _must_be_online(self) -> None:
        if self.options.offline:
            raise HubUnavailable(_switched_off("HEIMDEX_HUB_OFFLINE"))


class _Pace:
    """Holds a download to so many bytes a second; 0 = not at all."""

    def __init__(self, limit_bytes_per_s: int) -> None:
        self._limit = limit_bytes_per_s
        self._began_s = time.monotonic()
        self._spent = 0

    def spend(self, count: int) -> None:
        self._spent += count
        if self._limit:
            ahead_s = self._spent / self._limit - (time.monotonic() - self._began_s)
            if ahead_s > 0:
                time.sleep(ahead_s)


def _api(options: HubOptions) -> HfApi:
    import huggingface_hub
    from huggingface_hub import constants

    # Read when a request is made; unset, the client asks the hub which coding agents there are to name ours.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    return huggingface_hub.HfApi(
        endpoint=options.endpoint,
        token=options.token or False,
        library_name="heimdex",
        library_version=options.version,
    )


def _check_commit(response: httpx2.Response, listing: Listing, file: RemoteFile) -> None:
    for answer in (*response.history, response):
        commit = answer.headers.get(COMMIT_HEADER, listing.commit)
        if commit != listing.commit:
            raise DownloadFailed(
                f"{file.name} comes from commit {commit[:12]} of {listing.repository} where "
                f"{listing.commit[:12]} was asked for. Run the pull again."
            )


def _drop(part: Path) -> None:
    with writing(part.parent):
        part.write_bytes(b"")


def _switched_off(setting: str) -> str:
    return f"The hub is not asked: {setting} is on. {NO_HUB}"
