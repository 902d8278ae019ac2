"""What could not answer a query, or not for everything: said beside the hits, never a reason to fail."""

from __future__ import annotations

from collections.abc import Mapping

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Query, Unavailable
from heimdex.search.request import by_likeness
from heimdex.store.coverage import StageCoverage

STAGES = {"speech": "speech", "writing": "writing", "caption": "description"}
"""The stage on which each signal of words lives."""

NOT_BUILT = ("person",)


def of_words(coverage: Mapping[str, StageCoverage]) -> list[Unavailable]:
    """The signals of words whose stage has not done every file it is for."""
    found = []
    for signal, stage in STAGES.items():
        done = coverage.get(stage)
        if done is None or done.covered >= done.wanted:
            continue
        left = done.wanted - done.covered
        reason = (
            "switched off; `heimdex doctor` says what it needs"
            if done.skipped >= left
            else f"{left} of {done.wanted} files were not looked at yet; run `heimdex index`"
        )
        found.append(Unavailable(signal=signal, reason=reason, coverage=round(done.covered / done.wanted, 4)))
    return found


def of_pictures(
    coverage: tuple[int, int] | None, unseen: str | None, instead: str | None = None
) -> list[Unavailable]:
    """The signal `picture`: (files, those covered) or None without any; `unseen`: why it was not asked;
    `instead`: why another model than the one in use was.
    """
    if unseen is not None:
        return [Unavailable(signal="picture", reason=unseen, coverage=0.0)]
    if instead is not None:
        wanted, covered = coverage or (0, 0)
        share = round(covered / wanted, 4) if wanted else 0.0
        return [Unavailable(signal="picture", reason=instead, coverage=share)]
    if coverage is None:
        reason = "nothing is indexed with this model yet; run `heimdex index`"
        return [Unavailable(signal="picture", reason=reason, coverage=0.0)]
    wanted, covered = coverage
    if covered >= wanted:
        return []
    reason = f"{wanted - covered} of {wanted} files have no vectors yet; run `heimdex index`"
    return [Unavailable(signal="picture", reason=reason, coverage=round(covered / wanted, 4))]


def not_built() -> list[Unavailable]:
    """Signals that this version does not have."""
    return [Unavailable(signal=name, reason="not part of this version", coverage=0.0) for name in NOT_BUILT]


def why_not_seen(pictures_off: str | None, encoder: Encoder | None, query: Query) -> str | None:
    """Why pictures do not answer this query; None: they do."""
    if encoder is None:
        return pictures_off
    if not by_likeness(query) and encoder.text_space is None:
        return f"the model {encoder.row.name} knows pictures only; ask with --image or --similar"
    return None
