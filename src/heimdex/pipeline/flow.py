"""The page of stages: what happens to an asset, in order.

    file ─▶ examine ─▶ scenes ─┬▶ picture      (vectors of the kept frames)
            (facts)   (scenes,  ├▶ writing ──────┐  (lines of text in them)
              │        kept     └▶ description ──┤  (a vision model's words; off unless asked for)
              │        frames)                   ├▶ text  (terms and vectors of each scene's words)
              └─────────────────▶ speech ────────┘  (subtitles, or what is heard)

`scenes` and `picture` run file by file as they arrive; the others follow once every file can be searched by
what is seen.

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
    rests_on: tuple[str, ...] = ()  # stages whose rows it reads


SCENES = Stage(name="scenes", version=2, per_model=False, makes="scenes, motion and kept frames")
PICTURE = Stage(
    name="picture", version=1, per_model=True, makes="a vector for every kept frame", rests_on=("scenes",)
)
SPEECH = Stage(name="speech", version=1, per_model=True, makes="sentences with the times of their words")
WRITING = Stage(
    name="writing", version=1, per_model=True, makes="lines of writing in the picture", rests_on=("scenes",)
)
DESCRIPTION = Stage(
    name="description", version=1, per_model=True, makes="a description of each scene", rests_on=("scenes",)
)
TEXT = Stage(
    name="text",
    version=1,
    per_model=True,
    makes="the terms of each scene's words, and their vectors",
    rests_on=("scenes", "speech", "writing", "description"),
)

EARLY: tuple[Stage, ...] = (SCENES, PICTURE)
LATER: tuple[Stage, ...] = (SPEECH, WRITING, DESCRIPTION, TEXT)
FLOW: tuple[Stage, ...] = (*EARLY, *LATER)


def choose(names: list[str] | None) -> tuple[Stage, ...]:
    """The stages of that name in the flow's order; all of them for None. Raises UsageError."""
    if names is None:
        return FLOW
    known = {stage.name for stage in FLOW}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"no stage called {unknown[0]!r}; the stages are {', '.join(s.name for s in FLOW)}")
    return tuple(stage for stage in FLOW if stage.name in names)


def with_followers(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Stages and all that rest on them: what a new run of the former takes away, the latter bring back."""
    names = {stage.name for stage in stages}.union(*map(after, stages))
    return tuple(stage for stage in FLOW if stage.name in names)


def after(stage: Stage) -> tuple[str, ...]:
    """The stages that rest on this one's rows, directly or through others."""
    found: dict[str, None] = {}
    for later in FLOW:
        if stage.name in later.rests_on or found.keys() & set(later.rests_on):
            found[later.name] = None
    return tuple(found)
