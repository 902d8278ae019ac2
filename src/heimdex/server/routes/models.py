"""The picture model in use: which one it is, taking another into use, going back."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response

from heimdex.app import Heimdex, job_shapes
from heimdex.app.model_change import StartOptions
from heimdex.client.documents.jobs import JobShape
from heimdex.client.documents.models import (
    ChoiceRequest,
    LibraryModels,
    ModelChangeRequest,
    ModelPlan,
    ModelState,
    PrunedModels,
    Reached,
    RollbackRequest,
    RolledBack,
)
from heimdex.errors import ChangeRefused, ModelUnavailable, NotAllowed, UsageError, WeightsCorrupt
from heimdex.server.auth.caller import AdminCaller, Caller, ReadCaller, WriteCaller
from heimdex.server.etags import answer
from heimdex.server.shapes.problems import problems

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1/models", tags=["models"], responses=problems(404, 409))


@router.get("/change", operation_id="model_state", response_model=ModelState)
def model_state(request: Request, caller: ReadCaller) -> Response:
    """The model that searches of one's library use, how far others have come, and how it was changed."""
    return answer(request, _state(request, caller, caller.owner))


@router.get("/libraries", operation_id="list_library_models", response_model=LibraryModels)
def list_library_models(request: Request, caller: AdminCaller) -> Response:
    """The model of every library with its latest change: who was reached, what was refused, and why."""
    return answer(request, _library(request, caller.owner).model_change.libraries())


@router.post("/change", operation_id="change_model", response_model=JobShape, status_code=201)
def change_model(request: Request, caller: WriteCaller, wanted: ModelChangeRequest) -> dict[str, Any]:
    """Take another model into use, as a job: built, checked, compared, then pointed to."""
    options = _options(caller, wanted)
    jobs = _library(request, caller.owner).jobs
    with _refused_without_weights():
        return job_shapes.job(jobs.add_model_change(wanted.model, options, priority=wanted.priority))


@router.post("/change/plan", operation_id="plan_model_change", response_model=ModelPlan)
def plan_model_change(request: Request, caller: WriteCaller, wanted: ModelChangeRequest) -> dict[str, Any]:
    """What such a change would make, and about how long it takes."""
    library = _library(request, caller.owner)
    with _refused_without_weights():
        return library.model_change.plan(wanted.model, _options(caller, wanted))


@router.post("/rollback", operation_id="roll_back_model", response_model=RolledBack)
def roll_back_model(request: Request, caller: WriteCaller, wanted: RollbackRequest) -> dict[str, Any]:
    """Go back to the model before, at once."""
    change = _library(request, caller.owner).model_change
    with _refused_without_weights():
        return change.rollback_by_jobs(_owners(caller, wanted), catch_up=wanted.catch_up)


@router.put("/choice", operation_id="choose_model", response_model=ModelState)
def choose_model(request: Request, caller: WriteCaller, wanted: ChoiceRequest) -> dict[str, Any]:
    """Point a library to a model all of whose vectors are there, or have it follow the installation."""
    owner = caller.owner if wanted.owner is None else _demanded(caller, [wanted.owner])[0]
    with _refused_without_weights():
        _library(request, caller.owner).model_change.choose(owner, wanted.model)
    return _state(request, caller, owner)


@router.post("/prune", operation_id="prune_models", response_model=PrunedModels)
def prune_models(request: Request, caller: AdminCaller) -> dict[str, Any]:
    """Remove the vectors of models that were left and whose days are over. Workers do so every hour."""
    return _library(request, caller.owner).model_change.prune()


@contextmanager
def _refused_without_weights() -> Iterator[None]:
    """The service is well, though weights that a request names are not there or are damaged."""
    try:
        yield
    except (ModelUnavailable, WeightsCorrupt) as error:
        log.warning("a change of the picture model was refused: %s", error)
        raise ChangeRefused(
            "The weights of that model are not installed on the service's machine, or are damaged; "
            "`heimdex models pull` and `verify` there bring and mend them."
        ) from error


def _options(caller: Caller, wanted: ModelChangeRequest) -> StartOptions:
    return StartOptions(
        owners=_owners(caller, wanted),
        percent=wanted.percent,
        keep_days=wanted.keep_days,
        sample=wanted.sample,
        most_failed=wanted.most_failed,
    )


def _owners(caller: Caller, wanted: Reached) -> tuple[str, ...]:
    """Whom it reaches, if that is the caller's to say; nobody in particular: the installation."""
    if not wanted.mine:
        return _demanded(caller, wanted.owners)
    if wanted.owners:
        raise UsageError("Give mine or owners, not both.")
    return (caller.owner,)


def _demanded(caller: Caller, owners: Sequence[UUID]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(map(str, owners)))
    if "admin" not in caller.scopes and named != (caller.owner,):
        raise NotAllowed(
            "The model of the installation, or of another library, is for administrators to change; "
            '"mine": true changes yours.'
        )
    return named


def _state(request: Request, caller: Caller, owner: str) -> dict[str, Any]:
    found = _library(request, owner).model_change.full_state()
    if found["rollout"] is not None and "admin" not in caller.scopes:
        found["rollout"] = found["rollout"] | {"reached": None}  # how many libraries there are
    return found


def _library(request: Request, owner: str) -> Heimdex:
    return cast("Heimdex", request.app.state.libraries.of(owner))
