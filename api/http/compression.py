"""Compression: bodies of requests are unpacked within limits, answers are packed for clients that accept it.

`gzip` by the standard library, `zstd` by `zstandard`. `api.http.json_body` unpacks every body here; `api.app` puts
`CompressedApp` around the application. What always holds: nothing unpacks to more than its limit, a few megabytes of it
at a time; a stream is packed piece by piece as it is sent. Pages of the console are read by cookie, so another site
could have one fetched with a guess in its address, and see by the size how far it is right (BREACH). They are packed
only where the browser says that no other site asked, with a padding that differs each time; those that hold a secret,
which say `no-store`, never. Another site cannot make a browser send a key of the API.
"""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import zstandard
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.parameters import QUALITY
from api.http.problems import RequestError

# Of those that a client accepts equally, the first.
ENCODINGS = ("zstd", "gzip")
GZIP = 16 + zlib.MAX_WBITS
# RFC 9659: the largest window that a sender may demand over HTTP.
MOST_WINDOW = 8 << 20
# Unpacked at a time; and what is given to zstd at a time, of which each four bytes may become a block of 128 KiB.
PIECE, MORSEL = 64 << 10, 256
# Smaller answers are sent as they are; larger pieces are packed in a thread.
SMALLEST, LARGE = 1_024, 32 << 10
GZIP_LEVEL, ZSTD_LEVEL = 4, 3
PACKED_TYPES = (
    "text/", "application/json", "application/problem+json", "application/x-ndjson", "application/javascript",
    "image/svg+xml",
)  # fmt: skip
# No content, or a part of it.
NEVER_PACKED = (204, 206, 304)
# A request of a page of the same site, or of a person who typed the address; and by how much a size is blurred.
FROM_NO_OTHER_SITE = ("same-origin", "none")
LONGEST_PADDING = 100


async def unpacked(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> AsyncGenerator[bytes, None]:
    """Yields what a packed body holds. Raises `RequestError`: 400 where it is damaged, 413 above `limit` bytes."""
    unpack = _gunzip if encoding == "gzip" else _unzstd
    state: Any = zlib.decompressobj(GZIP) if encoding == "gzip" else _zstd_reader()
    size = 0
    try:
        async for chunk in chunks:
            for piece in unpack(state, chunk):
                size += len(piece)
                if size > limit:
                    raise RequestError(413, "body_too_large", f"at most {limit:,} bytes at a time, uncompressed")
                yield piece
                # A few bytes may be much work: others have their turn.
                await asyncio.sleep(0)
    except (zlib.error, zstandard.ZstdError):
        raise _damaged(encoding) from None
    if not state.eof or state.unused_data:
        raise _damaged(encoding)


def _zstd_reader() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW).decompressobj()


def _gunzip(state: Any, chunk: bytes) -> Iterator[bytes]:
    while chunk and not state.eof:
        yield state.decompress(chunk, PIECE)
        chunk = state.unconsumed_tail
    if chunk:
        raise zlib.error


def _unzstd(state: Any, chunk: bytes) -> Iterator[bytes]:
    for at in range(0, len(chunk), MORSEL):
        if piece := state.decompress(chunk[at : at + MORSEL]):
            yield piece


def _damaged(encoding: str) -> RequestError:
    return RequestError(400, f"malformed_{encoding}", f"the body is not one complete {encoding} stream")


def preferred_encoding(accepted: str) -> str | None:
    """Returns the encoding that `Accept-Encoding` prefers, of equal ones the cheaper; `None`: as it is."""
    qualities = dict.fromkeys(ENCODINGS, 0.0)
    for part in accepted.lower().split(","):
        name, *parameters = [each.strip() for each in part.split(";")]
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        if name in qualities and QUALITY.fullmatch(quality):
            qualities[name] = float(quality)
    best = max(ENCODINGS, key=lambda each: qualities[each])
    return best if qualities[best] > 0 else None


class CompressedApp:
    """The ASGI application `inner`, whose answers are packed where that is worth it.

    Those below the path `pages` only where no other site asked, but for those below `public`, which are the same for
    everybody.
    """

    def __init__(self, inner: ASGIApp, pages: str, public: str) -> None:
        self.inner = inner
        self._pages, self._public = pages, public
        self._threads = CapacityLimiter(2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)
        is_page = path.startswith(self._pages) and not path.startswith(self._public)
        if is_page and headers.get("sec-fetch-site") not in FROM_NO_OTHER_SITE:
            await self.inner(scope, receive, send)
            return
        encoding = preferred_encoding(headers.get("accept-encoding", ""))
        await self.inner(scope, receive, _Packing(send, encoding, self._threads, padded=is_page).send)


class _Packing:
    """An answer on its way. Its beginning waits for the first part of its body, which shows whether to pack it."""

    def __init__(self, send: Send, encoding: str | None, threads: CapacityLimiter, *, padded: bool) -> None:
        self._send = send
        self._padded = padded
        self._encoding = encoding
        self._threads = threads
        self._start: Message | None = None
        self._packer: Any = None

    async def send(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start" and _may_be_packed(message, self._padded):
            MutableHeaders(scope=message).add_vary_header("Accept-Encoding")
            if self._encoding is not None:
                self._start = message
                return
        if message["type"] == "http.response.body":
            if self._start is not None:
                await self._begin(message)
            if self._packer is not None:
                message = {**message, "body": await self._packed(message)}
        await self._send(message)

    async def _begin(self, first: Message) -> None:
        start, self._start = self._start, None
        assert start is not None
        if first.get("more_body", False) or len(first.get("body", b"")) >= SMALLEST:
            headers = MutableHeaders(scope=start)
            headers["Content-Encoding"] = str(self._encoding)
            del headers["Content-Length"]
            if self._padded:
                headers["Rollcall-Padding"] = "-" * (1 + secrets.randbelow(LONGEST_PADDING))
            self._packer = _packer_of(str(self._encoding))
        await self._send(start)

    async def _packed(self, message: Message) -> bytes:
        body, more = message.get("body", b""), message.get("more_body", False)

        def pack() -> bytes:
            packed: bytes = self._packer.compress(body) if body else b""
            if more:
                return packed + (self._packer.flush(_PART[self._encoding]) if body else b"")
            return packed + bytes(self._packer.flush())

        return await to_thread.run_sync(pack, limiter=self._threads) if len(body) > LARGE else pack()


# How each packer is asked for what it has of a stream that goes on.
_PART: dict[str | None, int] = {"gzip": zlib.Z_SYNC_FLUSH, "zstd": zstandard.COMPRESSOBJ_FLUSH_BLOCK}


def _packer_of(encoding: str) -> Any:
    if encoding == "gzip":
        return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP)
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()


def _may_be_packed(start: Message, page: bool) -> bool:
    headers = Headers(raw=start["headers"])
    if page and headers.get("cache-control") == "no-store":
        return False
    media_type = headers.get("content-type", "")
    return (
        start["status"] not in NEVER_PACKED
        and "content-encoding" not in headers
        and media_type.startswith(PACKED_TYPES)
        and not media_type.startswith("text/event-stream")
    )
