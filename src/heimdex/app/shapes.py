"""The JSON contract: nouns as the documents that `--json` prints."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from heimdex.entities import Answer, Evidence, Hit, IndexReport, Query, Strictness, Verification


def answer(found: Answer) -> dict[str, Any]:
    """A search's document; `adapter` where one was used."""
    document = {
        "query": _query(found.query),
        "verdict": str(found.verdict),
        "took_ms": found.took_ms,
        "models": found.models,
        "unavailable": [asdict(item) for item in found.unavailable],
        "hits": [_hit(hit) for hit in found.hits],
        "more": found.more,
    }
    return document if found.adapter is None else document | {"adapter": found.adapter}


def index_report(report: IndexReport) -> dict[str, Any]:
    """An index run's document."""
    return {
        "indexed": report.indexed,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "missing": report.missing,
        "duplicates": report.duplicates,
        "failed": [asdict(refusal) for refusal in report.failed],
        "scenes": report.scenes,
        "seconds": report.seconds,
        "wants": [asdict(want) for want in report.wants],
    }


def verification(found: Verification) -> dict[str, Any]:
    """A verification's document."""
    return {
        "ok": not found.faults,
        "checked": found.checked,
        "faults": [{"what": f.what, "where": f.where, "mend": f.mend} for f in found.faults],
    }


def _query(query: Query) -> dict[str, Any]:
    filters = query.filters
    given: dict[str, Any] = {
        "text": query.text,
        "image": query.image,
        "similar": query.similar,
        "likes": [{"scene_id": scene_id, "weight": weight} for scene_id, weight in query.likes] or None,
        "kind": filters.kind and str(filters.kind),
        "in": filters.within,
        "since": _iso(filters.since),
        "until": _iso(filters.until),
        "limit": query.limit,
        "page": query.page,
        "match_threshold": query.match_threshold,
        "strictness": None if query.strictness == Strictness.NORMAL else str(query.strictness),
        "nearest": query.nearest or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "scene_id": hit.scene_id,
        "asset_id": hit.asset_id,
        "path": hit.path,
        "kind": str(hit.kind),
        "start": hit.start_us / 1e6,
        "end": hit.end_us / 1e6,
        "score": hit.score,
        "thumbnail": hit.thumbnail,
        "evidence": [_evidence(item) for item in hit.evidence],
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "signal": item.signal,
        "contribution": item.contribution,
        "raw": item.raw,
        "model": item.model,
        "text": item.text,
        "at": None if item.at_us is None else item.at_us / 1e6,
        "box": item.box,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
