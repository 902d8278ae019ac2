"""The kinds of jobs there are. Others may add theirs to the registry."""

from __future__ import annotations

from collections.abc import Mapping

from heimdex.jobs.kind import Registry


def standard_kinds(limits: Mapping[str, int] | None = None) -> Registry:
    """Indexing of folders and uploads, backfill, reprocessing, verify, remove, changes of the model."""
    from heimdex.jobs.kinds import backfilling, indexing, model_changing, reprocessing, upkeep, uploading

    kinds = (
        indexing.INDEX,
        indexing.INDEX_FILES,
        uploading.INDEX_UPLOAD,
        backfilling.BACKFILL,
        reprocessing.REPROCESS,
        upkeep.VERIFY,
        upkeep.REMOVE,
        model_changing.CHANGE_MODEL,
    )
    return Registry(kinds, limits)
