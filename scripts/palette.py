"""Screenshots with 256 colours: a third of the size, and nobody sees it."""

import struct
import zlib
from collections import Counter
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_ALIKE = 12  # squared distance


def shrink(path: Path) -> None:
    """Rewrite an 8-bit RGB or RGBA screenshot with a palette of its commonest colours."""
    width, height, rows = _read(path.read_bytes())
    counts: Counter[bytes] = Counter()
    for row in rows:
        counts.update(row)
    palette = _palette(counts)
    index = {colour: number for number, colour in enumerate(palette)}
    for colour in counts.keys() - index.keys():
        index[colour] = _nearest(colour, palette)
    lines = b"".join(b"\0" + bytes(index[colour] for colour in row) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    body = zlib.compress(lines, 9)
    chunks = ((b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", body), (b"IEND", b""))
    path.write_bytes(_SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks))


def _palette(counts: Counter[bytes]) -> list[bytes]:
    """The commonest colours that are not almost one another, so that a rare but different one stays."""
    chosen: list[bytes] = []
    for colour, _ in counts.most_common():
        if len(chosen) == _COLOURS:
            break
        if not chosen or _far(colour, chosen[_nearest(colour, chosen)]) > _ALIKE:
            chosen.append(colour)
    return chosen


def _far(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _nearest(colour: bytes, palette: list[bytes]) -> int:
    red, green, blue = colour
    far = ((red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2 for r, g, b in palette)
    return min(enumerate(far), key=lambda each: each[1])[0]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _read(data: bytes) -> tuple[int, int, list[list[bytes]]]:
    at, packed, width, height, size = len(_SIGNATURE), b"", 0, 0, 3
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if name == b"IHDR":
            width, height, _, kind = struct.unpack_from(">IIBB", body)
            size = 4 if kind == 6 else 3  # noqa: PLR2004  (RGBA)
        elif name == b"IDAT":
            packed += body
        at += length + 12
    raw, stride = zlib.decompress(packed), width * size
    above, rows = bytearray(stride), []
    for number in range(height):
        start = number * (stride + 1)
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, size)
        rows.append([bytes(above[x : x + 3]) for x in range(0, stride, size)])
    return width, height, rows


def _unfiltered(kind: int, line: bytearray, above: bytearray, size: int) -> bytearray:
    for x in range(len(line)) if kind else ():
        left = line[x - size] if x >= size else 0
        up = above[x]
        if kind == 1:
            line[x] = (line[x] + left) & 255
        elif kind == 2:  # noqa: PLR2004  (the filters of PNG, section 9.2)
            line[x] = (line[x] + up) & 255
        elif kind == 3:  # noqa: PLR2004  (same)
            line[x] = (line[x] + (left + up) // 2) & 255
        else:
            corner = above[x - size] if x >= size else 0
            guess = left + up - corner
            a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
            line[x] = (line[x] + (left if a <= b and a <= c else up if b <= c else corner)) & 255
    return line
