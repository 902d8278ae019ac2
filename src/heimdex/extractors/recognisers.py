"""Which recognisers there are, and how one is loaded."""

from __future__ import annotations

from heimdex.extractors.recogniser import Recogniser
from heimdex.extractors.sphinx import NAME as STARTER
from heimdex.extractors.sphinx import fingerprint as starter_fingerprint
from heimdex.extractors.whisper import WhisperOptions

__all__ = ["STARTER", "WhisperOptions", "load", "starter_fingerprint"]


def load(options: WhisperOptions | None) -> Recogniser:
    """A recogniser: Whisper by these weights, or the starter for None.

    Raises ModelUnavailable where it is not installed, WeightsCorrupt where files differ from their manifest.
    """
    if options is None:
        from heimdex.extractors.sphinx import SphinxRecogniser

        return SphinxRecogniser()
    from heimdex.extractors.whisper import WhisperRecogniser

    return WhisperRecogniser(options)
