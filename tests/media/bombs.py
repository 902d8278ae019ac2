"""Headers that promise more pixels than any memory holds, followed by next to nothing."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, *, animated: bool = False) -> bytes:
    """A PNG (or APNG) of that size with a few bytes of picture data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    control = _chunk(b"acTL", struct.pack(">II", 2, 0)) if animated else b""
    frame = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 25, 0, 0)
    first = _chunk(b"fcTL", frame) if animated else b""
    data = _chunk(b"IDAT", zlib.compress(bytes(4096)))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + control + first + data + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tiff(width: int, height: int) -> bytes:
    """A little-endian, uncompressed 8-bit grey TIFF with one strip of 16 bytes."""
    entries = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, 16),
    )
    table = struct.pack("<H", len(entries))
    table += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\x00" + struct.pack("<I", 24) + bytes(16) + table + bytes(4)


def gif(width: int, height: int, *, pictures: int = 1) -> bytes:
    """A GIF with that screen and tiny pictures on it."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return screen + picture * pictures + b"\x3b"


def webp(width: int, height: int) -> bytes:
    """An extended WebP of that canvas (at most 16,384 px) with a broken picture in it."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = b"\x9d\x01\x2a" + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    lossy = b"VP8 " + struct.pack("<I", 10 + 64) + b"\x10\x00\x00" + frame + bytes(64)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas + lossy
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(width: int, height: int) -> bytes:
    """A 24-bit BMP of that size with 64 bytes of pixels."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 64, 0, 0, 54) + header + bytes(64)


def jpeg(width: int, height: int) -> bytes:
    """A baseline JPEG frame header of that size and an empty scan."""
    frame = (
        b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    )
    scan = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00"
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + frame + scan + bytes(64)


def ivf(width: int, height: int) -> bytes:
    """An IVF film of one VP8 key frame that says it is that large (at most 16,383 px)."""
    frame = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF) + bytes(64)
    header = b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, b"VP80", width, height, 25, 1, 1, 0)
    return header + struct.pack("<IQ", len(frame), 0) + frame


def resized_avi(avi: bytes, width: int, height: int) -> bytes:
    """An AVI whose stream format claims raw pixels of that size."""
    at = avi.index(b"strf") + 8
    shape = struct.pack("<iiHHI", width, height, 1, 24, 0)
    return avi[: at + 4] + shape + avi[at + 20 :]


def resized_mp4(film: bytes, width: int, height: int) -> bytes:
    """A ProRes film whose sample description and first frame claim that size."""
    at = film.index(b"stsd") + 4
    entry = at + 8 + 8  # version, flags, count; size and name of the first entry
    changed = bytearray(film)
    changed[entry + 24 : entry + 28] = struct.pack(">HH", width, height)
    frame = 0
    while (frame := film.find(b"icpf", frame + 1)) >= 0:
        changed[frame + 12 : frame + 16] = struct.pack(">HH", width, height)
    return bytes(changed)
