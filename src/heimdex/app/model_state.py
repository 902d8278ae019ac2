"""What is told of the picture model in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heimdex.encoders import catalog
from heimdex.errors import ModelError
from heimdex.store import changes, pointers

if TYPE_CHECKING:
    from psycopg import Connection

    from heimdex.config import Settings
    from heimdex.store.changes import ChangeRecord
    from heimdex.store.pointers import Default

LISTED = 20  # changes
MOST_LIBRARIES = 1000


def describe(connection: Connection[Any], settings: Settings, owner: str) -> dict[str, Any]:
    """See `ModelChange.state`."""
    pointed = pointers.active_model(connection)
    choice, default = pointers.find_choice(connection, owner), pointers.find_default(connection)
    names = _Names(connection)
    previous = choice.previous_id if choice else default.previous_id if default else None
    name = settings.picture_model if pointed is None else pointed.model.name
    return {
        "model": name,
        "source": "settings" if pointed is None else "choice" if choice else "default",
        "previous": names.of(previous),
        "setting": settings.picture_model,
        "notice": notice(settings, name),
        "rollout": _rollout(default, owner, connection, names),
        "changes": [
            _change(record, names) for record in changes.list_changes(connection, owner, limit=LISTED)
        ],
    }


def with_coverage(connection: Connection[Any], settings: Settings, owner: str) -> dict[str, Any]:
    """The same, and how far each model has come."""
    from heimdex.pipeline.status import coverage

    return describe(connection, settings, owner) | {"coverage": coverage(connection, owner)}


def describe_all(connection: Connection[Any], settings: Settings) -> dict[str, Any]:
    """See `ModelChange.libraries`. Acts for one owner after the other."""
    from heimdex.pipeline.status import coverage

    names = _Names(connection)
    owners = pointers.libraries(connection)
    default = pointers.find_default(connection)
    found = []
    for owner in owners[:MOST_LIBRARIES]:
        pointers.act_for(connection, owner)
        pointed = pointers.active_model(connection)
        choice = pointers.find_choice(connection, owner)
        found.append(
            {
                "owner": owner,
                "model": None if pointed is None else pointed.model.name,
                "source": "settings" if pointed is None else "choice" if choice else "default",
                "coverage": coverage(connection, owner),
                "change": next(
                    (_change(one, names) for one in changes.list_changes(connection, owner, limit=1)), None
                ),
            }
        )
    return {
        "model": settings.picture_model if default is None else names.of(default.model_id),
        "rollout": _rollout(default, "", connection, names),
        "libraries": found,
        "count": len(owners),
    }


def default_name(connection: Connection[Any]) -> str | None:
    """The name of the installation's model; None before there is one."""
    default = pointers.find_default(connection)
    return None if default is None else _Names(connection).of(default.model_id)


def notice(settings: Settings, name: str) -> str | None:
    """What to tell where the settings name another model than the one in use; None: they agree."""
    if "picture_model" not in settings.model_fields_set or not settings.pictures:
        return None
    try:
        known = catalog.find(settings.picture_model, settings.models_dir or settings.home / "models").name
    except ModelError:
        known = settings.picture_model
    if known == name:
        return None
    return (
        f"HEIMDEX_PICTURE_MODEL is {settings.picture_model}, but {name} is in use and counts; "
        f"`heimdex models use {settings.picture_model}` changes that"
    )


class _Names:
    """Names of models by their ids."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._known: dict[int, str] = {}

    def of(self, model_id: int | None) -> str | None:
        """The name; None of none."""
        if model_id is None:
            return None
        if model_id not in self._known:
            found = pointers.model_by_id(self._connection, model_id)
            self._known[model_id] = "" if found is None else found.model.name
        return self._known[model_id]


def _rollout(
    default: Default | None, owner: str, connection: Connection[Any], names: _Names
) -> dict[str, Any] | None:
    if default is None or default.next_id is None:
        return None
    reached = pointers.libraries(connection, percent=default.next_percent)
    return {
        "model": names.of(default.next_id),
        "percent": default.next_percent,
        "reached": len(reached),
        "this": owner in reached,
    }


def _change(record: ChangeRecord, names: _Names) -> dict[str, Any]:
    return {
        "change_id": record.change_id,
        "from": names.of(record.from_id),
        "to": names.of(record.to_id),
        "reach": str(record.reach),
        "state": str(record.state),
        "report": record.report,
        "error": record.error,
        "keep_days": record.keep_days,
        "started_at": record.started_at.isoformat(),
        "finished_at": None if record.finished_at is None else record.finished_at.isoformat(),
        "pruned_at": None if record.pruned_at is None else record.pruned_at.isoformat(),
    }
