"""A decoded frame becomes an upright RGB picture: aspect, interlacing, rotation, colour and HDR undone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from heimdex.entities import SMALL_HEIGHT, SMALL_WIDTH, Picture
from heimdex.errors import DamagedFile
from heimdex.media.sizes import fitted
from heimdex.media.tonemap import to_sdr

BT709, BT601 = 1, 6  # AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M
KNOWN_MATRICES = frozenset({BT709, 4, 5, BT601, 7, 9, 10})  # all that swscale converts from
HD_WIDTH, HD_HEIGHT = 1280, 720  # px; untagged films of this size are BT.709, smaller ones BT.601
TRANSFERS = {16: "pq", 18: "hlg"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
ASPECT_LIMIT = 10  # a sample aspect ratio beyond 10:1 is a broken header
SMOOTH = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
FAST = Interpolation.FAST_BILINEAR
SAMPLED = (2 * SMALL_WIDTH, 2 * SMALL_HEIGHT)  # px, width and height


@dataclass(frozen=True, kw_only=True, slots=True)
class Orientation:
    """How a stored picture is turned upright: mirrored first, then turned clockwise by quarter turns."""

    quarter_turns: int = 0
    mirrored: bool = False

    def turned(self, picture: Picture) -> Picture:
        """The picture upright, contiguous."""
        if self.mirrored:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(np.rot90(picture, -self.quarter_turns))


UPRIGHT = Orientation()


def orientation(frame: VideoFrame) -> Orientation:
    """From the display matrix of a frame: nine int32, 16.16 fixed point, (a b u; c d v; x y w) by rows."""
    matrix = next((data for data in _side_data(frame) if data.type == SideDataType.DISPLAYMATRIX), None)
    if matrix is None:
        return UPRIGHT
    a, b, _u, c, d = struct.unpack_from("=5i", bytes(matrix))
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    if abs(a) >= abs(b):
        return Orientation(quarter_turns=0 if a >= 0 else 2, mirrored=mirrored)
    return Orientation(quarter_turns=1 if b > 0 else 3, mirrored=mirrored)


def _side_data(frame: VideoFrame) -> SideDataContainer:
    return cast(SideDataContainer, frame.side_data)  # PyAV's stub takes it for a dict


def display_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Stored px → px with square samples. Only the width changes, as players do it."""
    if not aspect or not Fraction(1, ASPECT_LIMIT) <= aspect <= ASPECT_LIMIT:
        return width, height
    return max(1, round(width * aspect)), height


def transfer_of(frame: VideoFrame) -> str | None:
    """The transfer, "pq" or "hlg", where the frame is HDR."""
    return TRANSFERS.get(frame.color_trc)


class Shrinker:
    """Frames at 64 × 36 for comparing. One per pass: it keeps swscale's tables.

    In two steps: fast-bilinear alone looks at two samples of thirty and takes texture that moves by a pixel
    for change; area averaging alone reads the whole frame. Sampling 128 × 72 and averaging those is as quick
    as the first and clearly calmer (figures: docs/decisions/0004-one-decode-pass.md).
    """

    def __init__(self) -> None:
        self._sampler = VideoReformatter()
        self._averager = VideoReformatter()

    def small(self, frame: VideoFrame) -> Picture:
        """The stored picture squeezed to (36, 64, 3), neither rotated nor tone-mapped."""
        frame = _tagged(frame)
        if frame.format.name.startswith(("yuv4", "yuvj4")):  # swscale cannot write palettes and the like
            frame = self._sampler.reformat(frame, *SAMPLED, interpolation=FAST, threads=1)
        out = self._averager.reformat(
            frame,
            SMALL_WIDTH,
            SMALL_HEIGHT,
            "rgb24",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return _pixels(out)


def render(frame: VideoFrame, aspect: Fraction | None, short_side: int) -> Picture:
    """The frame upright, RGB uint8, its short side at most `short_side` px (0 = full size).

    Raises DamagedFile where the frame is in a layout that nothing converts.
    """
    try:
        return _rendered(frame, aspect, short_side)
    except av.FFmpegError as err:
        raise DamagedFile("a frame of it cannot be shown; copy the file again from where it came") from err


def _rendered(frame: VideoFrame, aspect: Fraction | None, short_side: int) -> Picture:
    frame, turn = _tagged(frame), orientation(frame)
    width, height = fitted(display_size(frame.width, frame.height, aspect), short_side)
    source = _deinterlaced(frame, height) if frame.interlaced_frame else frame
    transfer = transfer_of(frame)
    out = VideoReformatter().reformat(
        source,
        width,
        height,
        "rgb48le" if transfer else "rgb24",
        dst_color_range=ColorRange.JPEG,
        interpolation=SMOOTH,
        threads=1,
    )
    picture = to_sdr(_pixels16(out), transfer) if transfer else _pixels(out)
    return turn.turned(picture)


def _tagged(frame: VideoFrame) -> VideoFrame:
    """The frame, with the colour matrix named that players would assume.

    Swscale takes untagged frames for BT.601, whatever their size, and refuses nonsense tags.
    """
    if not frame.format.is_rgb and frame.colorspace not in KNOWN_MATRICES:
        high = frame.height >= HD_HEIGHT or frame.width >= HD_WIDTH
        frame.colorspace = BT709 if high else BT601
    return frame


def _deinterlaced(frame: VideoFrame, height: int) -> VideoFrame:
    """One moment instead of two: the top field alone where it has lines enough, else its gaps filled in."""
    if height * 2 <= frame.height:
        return _filtered(frame, "field", "type=top")
    return _filtered(frame, "estdif", "mode=frame:deint=all:parity=tff")


def _filtered(frame: VideoFrame, name: str, arguments: str) -> VideoFrame:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1_000_000)
    )
    node, sink = graph.add(name, arguments), graph.add("buffersink")
    source.link_to(node)
    node.link_to(sink)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    try:
        out = graph.pull()
    except av.FFmpegError:
        return frame
    return out if isinstance(out, VideoFrame) else frame


def _pixels(frame: VideoFrame) -> Picture:
    """The first plane's pixels; the array holds the frame's buffer where the rows need no cutting."""
    rows = _rows(frame).reshape(frame.height, -1)
    return rows[:, : frame.width * 3].reshape(frame.height, frame.width, 3)


def _pixels16(frame: VideoFrame) -> NDArray[np.uint16]:
    rows = _rows(frame).view(np.uint16).reshape(frame.height, -1)
    return rows[:, : frame.width * 3].reshape(frame.height, frame.width, 3)


def _rows(frame: VideoFrame) -> NDArray[np.uint8]:
    return np.frombuffer(memoryview(frame.planes[0]), np.uint8)
