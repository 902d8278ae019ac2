"""What searches are made of, out of the settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from heimdex.app import parts
from heimdex.config import Settings
from heimdex.encoders.background import Floats
from heimdex.encoders.encoder import Encoder
from heimdex.entities import FrameStrategy
from heimdex.pipeline import models
from heimdex.pipeline.tools import PictureModel
from heimdex.search import Searcher
from heimdex.search.adapting.versions import ActiveAdapters
from heimdex.search.assembly import SearchParts
from heimdex.search.searcher import SearchOptions
from heimdex.search.sight import Installed, OneModel, PointedModels
from heimdex.store.database import Database


def search_parts(
    settings: Settings, database: Database, owner: str, folder: Callable[[str], str]
) -> SearchParts:
    """The parts of an owner's searches, by the model in use; `folder` makes a path of what `in:` names."""
    return SearchParts(
        database=database,
        owner=owner,
        home=settings.home,
        sights=PointedModels(owner, settings.picture_model, partial(installed_model, settings)),
        options=SearchOptions(
            exact_rows=settings.exact_rows,
            max_pixels=settings.max_megapixels * 1_000_000,
            strategy=FrameStrategy(settings.frame_strategy),
            pictures_off=None if settings.pictures else parts.PICTURES_OFF,
            texts=parts.text_side(settings),
            folder=folder,
        ),
        background=partial(_background, settings),
    )


def searcher_by(found: SearchParts, model: PictureModel) -> Searcher:
    """A searcher by one picture model, whatever the pointer says."""
    sights = OneModel(partial(models.load, model), partial(models.find, model=model))
    return found.searcher(ActiveAdapters(found.owner), sights)


def installed_model(settings: Settings, name: str) -> Installed:
    """A picture model as searches need it. Raises as `parts.picture_model` does."""
    model = parts.picture_model(settings, name)
    key = (model.row.name, model.row.precision, model.weights_sha256)
    return Installed(encoder=models.load(model), key=key)


def _background(settings: Settings, encoder: Encoder) -> Floats:
    from heimdex.pipeline.calibrating import background_of

    return background_of(parts.picture_model(settings, encoder.row.name), settings.home, encoder)
