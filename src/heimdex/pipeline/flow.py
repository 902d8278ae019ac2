"""The page of stages: what happens to an asset, in order.

    file ─▶ examine ─▶ scenes ─▶ picture
            (facts)    (scenes,   (vectors of the
                       kept frames) kept frames)

A stage is a name and a version. Raise the version when a stage's rows would come out differently: everything
indexed by the older one is then stale and runs again.
"""

from __future__ import annotations

from dataclasses import dataclass

from heimdex.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A step of the flow. `per_model` stages have one ledger entry for each model."""

    name: str
    version: int
    per_model: bool
    makes: str


SCENES = Stage(name="scenes", version=1, per_model=False, makes="scenes, motion and kept frames")
PICTURE = Stage(name="picture", version=1, per_model=True, makes="a vector for every kept frame")

FLOW: tuple[Stage, ...] = (SCENES, PICTURE)


def choose(names: list[str] | None) -> tuple[Stage, ...]:
    """The stages of that name in the flow's order; all of them for None. Raises UsageError."""
    if names is None:
        return FLOW
    known = {stage.name for stage in FLOW}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"no stage called {unknown[0]!r}; the stages are {', '.join(s.name for s in FLOW)}")
    return tuple(stage for stage in FLOW if stage.name in names)


def after(stage: Stage) -> tuple[str, ...]:
    """The stages that rest on this one's rows."""
    return tuple(later.name for later in FLOW[FLOW.index(stage) + 1 :])
