"""The client: one method for each thing the service does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import httpx2
from pydantic import BaseModel

from heimdex.client.documents.jobs import JobPage, JobRequest, JobShape, State
from heimdex.client.documents.library import (
    AssetCorrection,
    AssetDetail,
    AssetPage,
    AssetShape,
    Health,
    ModelsShape,
    VerificationShape,
)
from heimdex.client.documents.models import (
    LibraryModels,
    ModelChangeRequest,
    ModelPlan,
    ModelState,
    PrunedModels,
    RollbackRequest,
    RolledBack,
)
from heimdex.client.documents.searches import SearchAnswer, SearchRequest
from heimdex.client.problems import ServiceError
from heimdex.client.uploads import OnProgress, Uploaded, upload

Document = TypeVar("Document", bound=BaseModel)
Page = TypeVar("Page", AssetPage, JobPage)

TIMEOUT_S = 60.0
BLOCK_BYTES = 1 << 18


class Client:
    """A caller of one service. Thread-safe; close it, or use it in a `with` block.

    `key` is an API key. Every method raises ServiceError where the service refuses or cannot be reached.
    """

    def __init__(self, address: str, *, key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.http = httpx2.Client(base_url=address, headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()

    def health(self) -> Health:
        """Whether the service runs, and what it can see, hear and read."""
        return self.get("/health", Health)

    def ready(self) -> bool:
        """Whether it can answer searches now."""
        try:
            self.request("GET", "/ready")
        except ServiceError as error:
            if error.status == 503:
                return False
            raise
        return True

    def search(self, text: str | None = None, **more: Any) -> SearchAnswer:
        """The moments that answer; `more` are the fields of `SearchRequest`."""
        wanted = SearchRequest(text=text, **more)
        return self._search("/api/v1/search", json=_sent(wanted))

    def search_picture(self, picture: Path, **more: Any) -> SearchAnswer:
        """The moments that look like a picture file, mixed with what `more` asks for."""
        wanted = SearchRequest(**more)
        with picture.open("rb") as file:
            return self._search(
                "/api/v1/search/picture",
                files={"picture": (picture.name, file)},
                data={"query": json.dumps(_sent(wanted))},
            )

    def similar(self, scene_id: str, *, limit: int = 10) -> SearchAnswer:
        """Scenes that look like one."""
        return self.get(f"/api/v1/scenes/{scene_id}/similar", SearchAnswer, {"limit": limit})

    def next_page(self, answer: SearchAnswer) -> SearchAnswer | None:
        """The page after a search's; None where that was the last."""
        return None if answer.next_cursor is None else self.search(cursor=answer.next_cursor)

    def assets(
        self, *, kind: Literal["video", "photo", "audio"] | None = None, page_size: int = 100
    ) -> Iterator[AssetShape]:
        """Every asset in the order of its arrival, got page by page."""
        for page in self._pages("/api/v1/assets", AssetPage, {"kind": kind, "limit": page_size}):
            yield from page.assets

    def asset(self, asset_id: str) -> AssetDetail:
        """One asset in full."""
        return self.get(f"/api/v1/assets/{asset_id}", AssetDetail)

    def correct(self, asset_id: str, **correction: Any) -> AssetDetail:
        """Say what an asset is called (`title`) or when it was taken (`taken_at`); None takes that back."""
        wanted = AssetCorrection(**correction).model_dump(mode="json", exclude_unset=True)
        answer = self.request("PATCH", f"/api/v1/assets/{asset_id}", json=wanted)
        return AssetDetail.model_validate_json(answer.content)

    def remove(self, asset_id: str) -> list[str]:
        """Take an asset out of the index; the ids of what was removed."""
        removed: list[str] = self.request("DELETE", f"/api/v1/assets/{asset_id}").json()["removed"]
        return removed

    def original(self, asset_id: str, target: Path) -> int:
        """Download an asset's file; its size in bytes."""
        return self.download(f"/api/v1/assets/{asset_id}/original", target)

    def clip(self, asset_id: str, target: Path, *, start: float, end: float) -> int:
        """Download a stretch (seconds) of an asset; its size in bytes."""
        return self.download(f"/api/v1/assets/{asset_id}/clip", target, start=start, end=end)

    def picture(self, address: str) -> bytes:
        """A thumbnail or kept frame (JPEG) by the address that hits and scenes give."""
        return self.request("GET", address).content

    def export(self, asset_id: str, form: Literal["sidecar", "srt", "vtt", "edl"] = "sidecar") -> str:
        """Everything known of an asset (JSON), its subtitles, or its scenes as a cut list."""
        return self.request("GET", f"/api/v1/assets/{asset_id}/export", params={"as": form}).text

    def add_job(self, kind: str, *, priority: int = 0, **work: Any) -> JobShape:
        """Ask workers for something: the fields of IndexJob, BackfillJob, ReprocessJob or VerifyJob."""
        wanted = JobRequest.model_validate({"work": {"kind": kind, **work}, "priority": priority})
        body = wanted.model_dump(mode="json", exclude_none=True)
        return JobShape.model_validate(self.request("POST", "/api/v1/jobs", json=body).json())

    def jobs(self, *, state: State | None = None, page_size: int = 100) -> Iterator[JobShape]:
        """Every job, the newest first."""
        for page in self._pages("/api/v1/jobs", JobPage, {"state": state, "limit": page_size}):
            yield from page.jobs

    def job(self, job_id: str) -> JobShape:
        """How a job stands."""
        return self.get(f"/api/v1/jobs/{job_id}", JobShape)

    def change_job(self, job_id: str, verb: Literal["cancel", "pause", "resume", "retry"]) -> JobShape:
        """Cancel a job, have it wait, go on, or try again."""
        return JobShape.model_validate(self.request("POST", f"/api/v1/jobs/{job_id}/{verb}").json())

    def prioritise_job(self, job_id: str, priority: int) -> JobShape:
        """Put a job further to the front of its queue (up to 400) or back (-400)."""
        body = {"priority": priority}
        return JobShape.model_validate(self.request("PATCH", f"/api/v1/jobs/{job_id}", json=body).json())

    def watch(self, job_id: str) -> Iterator[JobShape]:
        """A job each time something changes, until it has ended."""
        try:
            with self.http.stream("GET", f"/api/v1/jobs/{job_id}/events", timeout=None) as answer:
                if answer.is_error:
                    answer.read()
                for line in _checked(answer).iter_lines():
                    if line.startswith("data:"):
                        yield JobShape.model_validate_json(line.removeprefix("data:"))
        except httpx2.HTTPError as error:
            raise _unreachable(self.http, error) from error

    def upload(self, path: Path, on_progress: OnProgress | None = None) -> Uploaded:
        """Hand in a file, resumed where it is cut off. It is indexed once it is there."""
        return upload(self.http, path, on_progress or (lambda _done, _total: None))

    def status(self) -> dict[str, Any]:
        """How much there is, and how far each stage has come."""
        found: dict[str, Any] = self.request("GET", "/api/v1/status").json()
        return found

    def models(self) -> list[dict[str, Any]]:
        """The models there are."""
        return self.get("/api/v1/models", ModelsShape).models

    def model_state(self) -> ModelState:
        """The model in use, how far others have come, and how it was changed."""
        return self.get("/api/v1/models/change", ModelState)

    def library_models(self) -> LibraryModels:
        """The model of every library; for administrators."""
        return self.get("/api/v1/models/libraries", LibraryModels)

    def change_model(self, model: str, **more: Any) -> JobShape:
        """Take another model into use, by a job; `more` are the fields of ModelChangeRequest."""
        wanted = ModelChangeRequest(model=model, **more)
        return self._posted("/api/v1/models/change", wanted, JobShape)

    def plan_model_change(self, model: str, **more: Any) -> ModelPlan:
        """What such a change would make."""
        wanted = ModelChangeRequest(model=model, **more)
        return self._posted("/api/v1/models/change/plan", wanted, ModelPlan)

    def roll_back_model(self, **more: Any) -> RolledBack:
        """Back to the model before, at once; `more` are the fields of RollbackRequest."""
        return self._posted("/api/v1/models/rollback", RollbackRequest(**more), RolledBack)

    def choose_model(self, model: str | None, *, owner: str | None = None) -> ModelState:
        """Point a library to a model whose vectors are there; None: it follows the installation."""
        body = {"model": model, "owner": owner}
        return ModelState.model_validate(self.request("PUT", "/api/v1/models/choice", json=body).json())

    def prune_models(self) -> PrunedModels:
        """Remove the vectors of models whose days are over."""
        return PrunedModels.model_validate(self.request("POST", "/api/v1/models/prune").json())

    def verify(self, *, sample: int = 16) -> VerificationShape:
        """Derive a part of the index again, and name every fault."""
        answer = self.request("POST", "/api/v1/verify", json={"sample": sample})
        return VerificationShape.model_validate(answer.json())

    def get(self, path: str, kind: type[Document], parameters: Mapping[str, Any] | None = None) -> Document:
        """A document of the service; parameters that are None are left out."""
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        return kind.model_validate(self.request("GET", path, params=given).json())

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One request, by the HTTP library's own options. Raises ServiceError for any answer but success."""
        try:
            answer = self.http.request(method, path, **options)
        except httpx2.HTTPError as error:
            raise _unreachable(self.http, error) from error
        return _checked(answer)

    def download(self, path: str, target: Path, **parameters: Any) -> int:
        """A file of the service, streamed to `target`; its size in bytes. A half one is not left behind."""
        partial = target.with_name(f"{target.name}.part")
        try:
            # An original may lie in a bucket, at another host: our key does not follow there.
            with self.http.stream("GET", path, params=parameters, follow_redirects=True) as answer:
                if answer.is_error:
                    answer.read()
                _checked(answer)
                with partial.open("wb") as file:
                    for block in answer.iter_bytes(BLOCK_BYTES):
                        file.write(block)
            partial.replace(target)
        except httpx2.HTTPError as error:
            raise _unreachable(self.http, error) from error
        finally:
            partial.unlink(missing_ok=True)
        return target.stat().st_size

    def _posted(self, path: str, wanted: BaseModel, kind: type[Document]) -> Document:
        body = wanted.model_dump(mode="json", exclude_none=True)
        return kind.model_validate(self.request("POST", path, json=body).json())

    def _pages(self, path: str, kind: type[Page], parameters: Mapping[str, Any]) -> Iterator[Page]:
        cursor: str | None = None
        while True:
            page = self.get(path, kind, {**parameters, "cursor": cursor})
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    def _search(self, path: str, **options: Any) -> SearchAnswer:
        return SearchAnswer.model_validate(self.request("POST", path, **options).json())


def _sent(wanted: SearchRequest) -> dict[str, Any]:
    return wanted.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if not answer.is_error:
        return answer
    try:
        problem = answer.json()
        message = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        problem, message = {}, None
    told = message or f"the service answered {answer.status_code}"
    raise ServiceError(told, status=answer.status_code, problem=problem)


def _unreachable(http: httpx2.Client, error: httpx2.HTTPError) -> ServiceError:
    return ServiceError(
        f"the service at {http.base_url} cannot be reached ({error}); is `heimdex serve` running?"
    )
