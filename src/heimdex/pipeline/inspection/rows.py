"""Scenes, kept frames and vectors, as far as their rows tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heimdex.pipeline.flow import PICTURE
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.subject import (
    FRAME_ROWS,
    KIND,
    SCENE_ROWS,
    VECTOR_ROWS,
    Subject,
    clock,
    frame_name,
    model_place,
    scene_name,
    vector_place,
)
from heimdex.store.checked import SceneFlaw, VectorFlaw


def check_scenes(subject: Subject) -> Iterator[Finding]:
    """Whether an asset's scenes are complete, join, and can be."""
    flaws = [flaw for flaw in subject.page.scenes if flaw.asset_id == subject.asset_id]
    gap = next((flaw for flaw in flaws if flaw.misplaced), None)
    if gap is not None:
        several = f" to {gap.position - 1}" if gap.position > gap.expected + 1 else ""
        yield subject.found(faults.SCENE_MISSING, f"scene {gap.expected}{several}")
    for flaw in flaws:
        yield from _check_scene(subject, flaw)


def _check_scene(subject: Subject, flaw: SceneFlaw) -> Iterator[Finding]:
    where = scene_name(flaw.position, flaw.start_us)
    if flaw.torn:
        ends = f"{where}, the one before ends at {clock(flaw.before_us or 0)}"
        yield subject.found(faults.SCENE_TORN, ends, flaw.scene_id, flaw.before_id or "")
    if flaw.impossible:
        yield subject.found(faults.SCENE_IMPOSSIBLE, where, flaw.scene_id, KIND)
    if flaw.restless:
        yield subject.found(faults.SCENE_RESTLESS, where, flaw.scene_id)
    if flaw.surplus:
        yield subject.found(faults.SCENE_SURPLUS, where, flaw.scene_id, SCENE_ROWS, KIND)
    if flaw.bare and not flaw.surplus:
        yield subject.found(faults.SCENE_BARE, where, flaw.scene_id, FRAME_ROWS, VECTOR_ROWS, KIND)


def check_keyframes(subject: Subject) -> Iterator[Finding]:
    """Whether an asset's kept frames are complete, in their scenes, judged, and have files of their own."""
    gaps: set[str] = set()
    for flaw in subject.page.keyframes:
        if flaw.asset_id != subject.asset_id:
            continue
        where, places = frame_name(flaw), (flaw.keyframe_id, flaw.scene_id)
        if flaw.misranked and flaw.scene_id not in gaps:
            gaps.add(flaw.scene_id)
            lost = f"{scene_name(flaw.position, flaw.start_us)}, frame {flaw.expected}"
            yield subject.found(faults.FRAME_MISSING, lost, flaw.scene_id, FRAME_ROWS, VECTOR_ROWS)
        if flaw.outside:
            yield subject.found(faults.FRAME_OUTSIDE, where, *places)
        if flaw.astray:
            yield subject.found(faults.FRAME_ASTRAY, where, *places)
        if flaw.unjudged:
            yield subject.found(faults.FRAME_UNJUDGED, where, *places)
        if flaw.misnamed:
            files = f"{where}, {flaw.frame_key} and {flaw.thumbnail_key}"
            yield subject.found(faults.FRAME_MISNAMED, files, flaw.keyframe_id)


def check_vectors(subject: Subject) -> Iterator[Finding]:
    """Whether every kept frame has its vectors, each in the shape and with the record it was written with."""
    for gap in subject.page.missing:
        if gap.asset_id == subject.asset_id:
            yield subject.found(
                faults.VECTOR_MISSING,
                scene_name(gap.position, gap.start_us),
                gap.keyframe_id,
                model_place(gap.model_id),
                VECTOR_ROWS,
                model_id=gap.model_id,
                group=gap.scene_id,
                detail=f"frame {gap.rank} in {gap.space}",
            )
    own = [flaw for flaw in subject.page.vectors if flaw.asset_id == subject.asset_id]
    partners = _partners(subject.page.vectors) if own else {}
    for flaw in own:
        partner = partners.get(vector_place(flaw.keyframe_id, flaw.space))
        if flaw.unrecorded:
            model = f"model {flaw.model_id}"
            yield subject.found(
                faults.VECTOR_UNRECORDED, model, PICTURE.name, model_id=flaw.model_id, group=model
            )
        elif partner is None:
            yield from _check_vector(subject, flaw)
        elif (flaw.asset_id, flaw.position, flaw.rank) < (partner.asset_id, partner.position, partner.rank):
            yield _swapped(subject, flaw, partner)  # told once, at the first of the two


def _check_vector(subject: Subject, flaw: VectorFlaw) -> Iterator[Finding]:
    where = scene_name(flaw.position, flaw.start_us)
    place = vector_place(flaw.keyframe_id, flaw.space)
    name = f"frame {flaw.rank} in {flaw.space}"
    wrong = [
        (flaw.absent, faults.VECTOR_ABSENT),
        (flaw.misshapen and not subject.model.misstates(flaw), faults.VECTOR_SHAPE),
        (flaw.stretched, faults.VECTOR_NORM),
        (flaw.altered, faults.VECTOR_ALTERED),
    ]
    # One change of the values shows as several of these; the first says most.
    kinds = [(kind, [place], name) for is_so, kind in wrong if is_so][:1]
    if flaw.astray:
        kinds.append((faults.VECTOR_ASTRAY, [place, flaw.scene_id], name))
    if flaw.record:
        places = [place, flaw.keyframe_id]
        kinds.append((faults.VECTOR_RECORD, places, f"{name} ({', '.join(flaw.record)})"))
    for kind, at, detail in kinds:
        yield subject.found(kind, where, *at, model_id=flaw.model_id, group=flaw.scene_id, detail=detail)


def _swapped(subject: Subject, flaw: VectorFlaw, partner: VectorFlaw) -> Finding:
    scenes = sorted([flaw.scene_id, partner.scene_id])
    other = scene_name(partner.position, partner.start_us)
    elsewhere = "" if partner.asset_id == flaw.asset_id else f" of asset {partner.asset_id}"
    return subject.found(
        faults.VECTOR_SWAPPED,
        f"{scene_name(flaw.position, flaw.start_us)} and {other}{elsewhere}",
        vector_place(flaw.keyframe_id, flaw.space),
        vector_place(partner.keyframe_id, partner.space),
        model_id=flaw.model_id,
        target=partner.asset_id,
        group=" ".join(scenes),
        detail=f"frames {flaw.rank} and {partner.rank} in {flaw.space}",
    )


def _partners(flaws: Sequence[VectorFlaw]) -> dict[str, VectorFlaw]:
    """Vectors that hold each other's values, or each other's records."""
    written = {(f.model_id, f.space, f.checksum or ""): f for f in flaws if f.altered and f.checksum}
    recorded = {(f.model_id, f.space, f.frame_key): f for f in flaws if "frame_path" in f.record}
    found = {}
    for flaw in flaws:
        space = (flaw.model_id, flaw.space)
        values = written.get((*space, flaw.actual or "")) if flaw.altered else None
        record = recorded.get((*space, flaw.frame_path or "")) if "frame_path" in flaw.record else None
        for other, back in (
            (values, values is not None and values.actual == flaw.checksum),
            (record, record is not None and record.frame_path == flaw.frame_key),
        ):
            if other is not None and other is not flaw and back:
                found[vector_place(flaw.keyframe_id, flaw.space)] = other
                break
    return found
