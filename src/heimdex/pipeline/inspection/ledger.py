"""The ledger: every asset × stage has an entry that ended, on this content, and counts what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from heimdex.entities import Kind, StageState
from heimdex.pipeline.flow import DESCRIPTION, EARLY, FLOW, LATER, SCENES, Stage
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.subject import ENDED, KIND, SCENE_ROWS, VECTOR_ROWS, Subject, model_place
from heimdex.store.checked import Entry

_STAGES = {stage.name: stage for stage in FLOW}
_LATER = {stage.name for stage in LATER}
_MAY_WAIT = {DESCRIPTION.name}  # for an endpoint, or for another run's budget: no mending would help


class _Key(TypedDict):
    stage: str
    model_id: int


def check_ledger(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the entries of an asset."""
    if subject.asset.present:
        yield from _missing_entries(subject)
    for entry in subject.entries:
        stage = _STAGES.get(entry.stage)
        key = _key(entry)
        if stage is None:
            yield subject.found(faults.UNKNOWN_STAGE, entry.stage, **key)
        elif _is_of_no_model(stage, entry):
            where = f"{entry.stage}, model {entry.model_id}"
            yield subject.found(faults.UNKNOWN_MODEL, where, entry.stage, **key)
        else:
            yield from _check_entry(subject, stage, entry)


def _is_of_no_model(stage: Stage, entry: Entry) -> bool:
    if entry.model_id:
        return not stage.per_model or entry.model is None
    # A later stage that is left out, or does without a model, has none.
    return stage.per_model and stage.name not in _LATER


def _missing_entries(subject: Subject) -> Iterator[Finding]:
    for stage in EARLY:
        model_id = subject.model.model_id if stage.per_model else 0
        entries = {entry.model_id: entry for entry in subject.entries if entry.stage == stage.name}
        # A model the database does not know has no entries, whatever stands under its id of 0.
        own = None if stage.per_model and not model_id else entries.get(model_id)
        if own is None:
            other = stage.per_model and any(e.model == subject.model.name for e in entries.values())
            kind = faults.OTHER_WEIGHTS if other else faults.NO_ENTRY
            yield subject.found(kind, stage.name, stage.name, stage=stage.name, model_id=model_id)
        if own is None or own.state not in ENDED:
            return  # the stages after this one have nothing to rest on yet
    for stage in LATER:
        # Which of its models is in use only the stage's verb knows: the entry of any will do.
        waits = stage.name in _MAY_WAIT
        if not waits and not any(entry.stage == stage.name for entry in subject.entries):
            yield subject.found(faults.NO_ENTRY, stage.name, stage.name, stage=stage.name)


def _check_entry(subject: Subject, stage: Stage, entry: Entry) -> Iterator[Finding]:
    where, key = _name(entry), _key(entry)
    in_use = entry.model_id in (0, subject.model.model_id) or entry.stage in _LATER
    if entry.state == StageState.RUNNING and in_use:
        attempt = f"attempt {entry.attempt}"
        yield subject.found(faults.STALE_RUNNING, where, entry.stage, attempt, **key)
    elif (
        entry.state == StageState.PENDING
        and in_use
        and subject.asset.present
        and entry.stage not in _MAY_WAIT
    ):
        yield subject.found(faults.PENDING, where, entry.stage, **key)
    if entry.state not in ENDED:
        return
    if entry.version != stage.version:
        versions = f"{where}, version {entry.version} instead of {stage.version}"
        yield subject.found(faults.OTHER_VERSION, versions, entry.stage, **key)
    if entry.content_hash != subject.asset.content_hash:
        yield subject.found(faults.OTHER_CONTENT, where, entry.stage, **key)
    if not entry.finished:
        yield subject.found(faults.UNFINISHED, where, entry.stage, **key)
    check = _check_later_count if entry.stage in _LATER else _check_count
    yield from check(subject, entry)


def _check_later_count(subject: Subject, entry: Entry) -> Iterator[Finding]:
    """The rows of a later stage are those of whichever model ran last."""
    where, key = _name(entry), _key(entry)
    stored = subject.stored(entry.stage)
    counts = f"{where}, {entry.row_count} written, {stored} stored"
    if entry.state != StageState.DONE:
        if stored and not entry.row_count and entry.state == StageState.EMPTY:
            yield subject.found(faults.EMPTY_WITH_ROWS, counts, entry.stage, **key)
    elif not stored:
        yield subject.found(faults.NO_ROWS, where, entry.stage, **key)
    elif stored < entry.row_count:
        yield subject.found(faults.FEWER_ROWS, counts, entry.stage, **key)
    elif stored > entry.row_count:
        yield subject.found(faults.MORE_ROWS, counts, entry.stage, **key)


def _check_count(subject: Subject, entry: Entry) -> Iterator[Finding]:
    where, key = _name(entry), _key(entry)
    scenes = entry.stage == SCENES.name
    stored = subject.stored(entry.stage, entry.model_id)
    source = subject.asset.kind != Kind.AUDIO if scenes else subject.stored("keyframes") > 0
    counts = f"{where}, {entry.row_count} written, {stored} stored"
    rows = SCENE_ROWS if scenes else VECTOR_ROWS
    if entry.state != StageState.DONE:
        if stored:
            yield subject.found(faults.EMPTY_WITH_ROWS, counts, entry.stage, **key)
        elif source and entry.state == StageState.EMPTY:
            yield subject.found(faults.WRONGLY_EMPTY, where, entry.stage, KIND, **key)
    elif not stored:
        places = () if scenes else (model_place(entry.model_id), entry.stage)
        yield subject.found(faults.NO_ROWS, where, *places, **key)
    elif stored < entry.row_count:
        yield subject.found(faults.FEWER_ROWS, counts, rows, **key)
    elif stored > entry.row_count:
        yield subject.found(faults.MORE_ROWS, counts, rows, **key)


def _key(entry: Entry) -> _Key:
    return {"stage": entry.stage, "model_id": entry.model_id}


def _name(entry: Entry) -> str:
    return f"{entry.stage} ({entry.model})" if entry.model else entry.stage
