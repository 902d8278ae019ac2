"""Which libraries read the media, for `heimdex doctor`."""

from __future__ import annotations

import av
import PIL
import pillow_heif


def describe_libraries() -> str:
    """PyAV, FFmpeg's libavcodec, Pillow and libheif with their versions."""
    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return (
        f"PyAV {av.__version__} (libavcodec {codec}), Pillow {PIL.__version__}, "
        f"libheif {pillow_heif.libheif_version()}"
    )
