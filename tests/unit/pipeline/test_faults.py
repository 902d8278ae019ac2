"""Which findings are causes, and how they are told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from heimdex.pipeline.flow import FLOW
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import EXPLAINED, KINDS, FaultKind, Finding, Mend, causes_only, told

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "verify.md"


def finding(kind: FaultKind, *places: str, asset: str = "a", **rest: str) -> Finding:
    return Finding(kind=kind, where="film.mp4", asset_id=asset, places=frozenset(places), **rest)  # type: ignore[arg-type]


def test_what_a_cause_explains_is_not_told() -> None:
    cause = finding(faults.SCENE_MISSING)
    traces = [finding(faults.FEWER_ROWS, "scene rows"), finding(faults.FRAME_LOST, "frame rows", "f1")]
    assert causes_only([*traces, cause]) == [cause]


def test_the_same_traces_without_the_cause_are_told() -> None:
    traces = [finding(faults.FEWER_ROWS, "scene rows"), finding(faults.VECTOR_RECORD, "f1")]
    assert causes_only(traces) == traces


def test_a_cause_in_another_asset_explains_nothing() -> None:
    found = [finding(faults.FEWER_ROWS, "scene rows"), finding(faults.SCENE_MISSING, asset="b")]
    assert causes_only(found) == found


def test_a_cause_in_another_place_explains_nothing() -> None:
    found = [finding(faults.FILE_MISSING, "frame 1"), finding(faults.FRAME_MISNAMED, "frame 2")]
    assert causes_only(found) == found
    found = [finding(faults.FILE_MISSING, "frame 1"), finding(faults.FRAME_MISNAMED, "frame 1")]
    assert causes_only(found) == found[1:]


def test_two_of_a_kind_do_not_explain_each_other() -> None:
    found = [finding(faults.NO_ROWS, "vectors of model 1"), finding(faults.NO_ROWS, "vectors of model 2")]
    assert causes_only(found) == found
    whole = finding(faults.NO_ROWS)
    assert causes_only([*found, whole]) == [whole]


def test_no_kind_is_its_own_cause_by_a_detour() -> None:
    def reaches(kind: FaultKind, goal: FaultKind, seen: frozenset[FaultKind]) -> bool:
        causes = [cause for cause in EXPLAINED.get(kind, ()) if cause is not kind and cause not in seen]
        return goal in causes or any(reaches(cause, goal, seen | {cause}) for cause in causes)

    assert [kind.what for kind in KINDS if reaches(kind, kind, frozenset())] == []


def test_mending_a_cause_runs_the_stages_that_mend_what_it_explains() -> None:
    """A later stage follows an earlier one; so the cause has to be mended by the same stage or one before."""
    order = {stage.name: number for number, stage in enumerate(FLOW)}
    too_late = [
        (kind.what, cause.what)
        for kind, causes in EXPLAINED.items()
        for cause in causes
        if kind.stage is not None and cause.stage is not None and order[cause.stage] > order[kind.stage]
    ]
    assert too_late == []


def test_findings_of_one_group_are_told_as_one_with_their_details() -> None:
    one = replace(finding(faults.VECTOR_MISSING), group="scene 1", detail="frame 0")
    group = [one, replace(one, detail="frame 1"), replace(one, group="scene 2", detail="frame 0")]
    assert [told_one.where for told_one in told(group)] == ["film.mp4: frame 0, frame 1", "film.mp4: frame 0"]
    many = [replace(one, detail=f"frame {number}") for number in range(9)]
    assert told(many)[0].where == "film.mp4: " + ", ".join(f"frame {n}" for n in range(6)) + " and 3 more"


def test_findings_without_a_group_are_told_each() -> None:
    found = [finding(faults.FILE_MISSING), finding(faults.FILE_MISSING)]
    assert told(found) == found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.what)
def test_every_kind_says_how_it_is_mended_and_stands_in_the_reference(kind: FaultKind) -> None:
    fault = faults.as_fault(replace(finding(kind), detail="as the database's administrator: …"))
    assert ("--repair" in fault.mend) == (kind.mend is not Mend.HAND)
    assert re.search(rf"^\| {re.escape(kind.what)} \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)


def test_no_two_kinds_are_called_the_same() -> None:
    assert len({kind.what for kind in KINDS}) == len(KINDS)
