"""Decompresses a record batch as it is read, so that memory holds only what was asked for.

Used by `consumers.kafka.unpacking`. A few kilobytes may unpack to gigabytes, and the broker's own limit counts what is
packed. Each function takes a batch's packed bytes and returns its `read`: the next bytes, at most as many as asked
for, and none at the end. A damaged batch raises an error of its codec.
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import lz4.frame
import snappy
import zstandard
from kafka.errors import UnsupportedCodecError

from consumers.record_stream import Read

# What a zstd frame may demand as its window; the most that level 21 of the reference compressor does.
_ZSTD_WINDOW = 64 << 20
# What one block of snappy may unpack to. The format promises no more than 64 bytes for 3.
_SNAPPY_BLOCK, _SNAPPY_RATIO = 64 << 20, 22
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16


def plain(packed: bytes) -> Read:
    """Reads a batch that is not compressed."""
    return io.BytesIO(packed).read


def _gzip(packed: bytes) -> Read:
    return gzip.GzipFile(fileobj=io.BytesIO(packed)).read


def _lz4(packed: bytes) -> Read:
    file: Any = lz4.frame.LZ4FrameFile(io.BytesIO(packed))
    read: Read = file.read
    return read


def _zstd(packed: bytes) -> Read:
    frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    return frames.stream_reader(io.BytesIO(packed), read_across_frames=True).read


def _snappy(packed: bytes) -> Read:
    blocks = _snappy_blocks(packed)
    rest = b""

    def read(count: int) -> bytes:
        nonlocal rest
        if not rest:
            block = next(blocks, b"")
            rest = b"" if not block else _unpack_snappy(block)
        part, rest = rest[:count], rest[count:]
        return part

    return read


def _snappy_blocks(packed: bytes) -> Iterator[bytes]:
    """Yields the blocks of Java's framing, or the one block of a bare compressor."""
    if not packed.startswith(_XERIAL):
        yield packed
        return
    pos = _XERIAL_HEADER_BYTES
    while pos < len(packed):
        (size,) = struct.unpack_from(">i", packed, pos)
        end = pos + 4 + size
        if size < 0 or end > len(packed):
            raise ValueError("a block is longer than its batch")
        yield packed[pos + 4 : end]
        pos = end


def _unpack_snappy(block: bytes) -> bytes:
    # The size that it claims is allocated before anything is unpacked.
    size = shift = 0
    for byte in block[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    if size > min(_SNAPPY_BLOCK, len(block) * _SNAPPY_RATIO):
        raise ValueError("a block claims more bytes than it can hold")
    unpacked: bytes = snappy.uncompress(block)
    return unpacked


# By the number that a batch names its codec with.
_CODECS: dict[int, Callable[[bytes], Read]] = {0: plain, 1: _gzip, 2: _snappy, 3: _lz4, 4: _zstd}


def reader_of(codec: int, packed: bytes) -> Read:
    """Returns the `read` of a batch. Raises `UnsupportedCodecError`, and what a damaged beginning raises."""
    if codec not in _CODECS:
        raise UnsupportedCodecError(f"codec {codec} is not known")
    return _CODECS[codec](packed)
