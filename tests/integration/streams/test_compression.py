"""Compression: of what is sent to the API, within its limits, and of what it answers."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import zstandard
from httpx import Client

from tests.support.installation import Installation

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor(write_checksum=True).compress
}  # fmt: skip
JSON, NDJSON = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
both = pytest.mark.parametrize("encoding", PACK)


def unpacked(encoding: str, packed: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(packed)
    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=False).read()


def raw(client: Client, path: str, encoding: str, **headers: str) -> tuple[Any, bytes]:
    """An answer, and its body as it was sent."""
    with client.stream("GET", path, headers={"Accept-Encoding": encoding, **headers}) as answered:
        return answered, b"".join(answered.iter_raw())


@both
def test_every_body_may_be_packed(client: Client, into: str, encoding: str) -> None:
    pack, named = PACK[encoding], {"Content-Encoding": encoding}
    one = pack(b'{"name": "Ana"}')
    assert client.put("/v1/customers/ana", content=one, headers=JSON | named).json()["name"] == "Ana"
    lines = b"\n".join(json.dumps({"external_id": f"c{n}", "name": f"N {n}"}).encode() for n in range(5_000))
    bulk = client.post("/v1/customers/bulk", content=pack(lines), headers=NDJSON | named)
    assert bulk.json() == {"accepted": 5_000, "rejected": []}
    part = 'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\r\n912345678\r\n'
    form = f"--x\r\n{part}\r\n--x--\r\n".encode()
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post(f"/v1/segments/{into}/imports", content=pack(form), headers=multipart | named).status_code == 202


@both
def test_what_is_damaged_or_unpacks_to_too_much_is_refused_and_nothing_stored(
    installation: Installation, key: str, encoding: str
) -> None:
    pack, named = PACK[encoding], {"Content-Encoding": encoding}
    line = b'{"external_id": "x"}\n'
    with installation.open_api(key, max_bulk=1 << 20) as client:
        packed = pack(line * 10)
        for damaged in (packed[:-4], packed + b"more", line, b"", packed[:20] + b"\x00" * 9 + packed[29:]):
            refused = client.post("/v1/customers/bulk", content=damaged, headers=NDJSON | named)
            assert (refused.status_code, refused.json()["code"]) == (400, f"malformed_{encoding}"), damaged
        bomb = pack(b" " * (300 << 20))
        assert len(bomb) < 1 << 20
        for path in ("/v1/customers/bulk", "/v1/events", "/v1/batch"):
            refused = client.post(path, content=bomb, headers=(NDJSON if path.endswith("bulk") else JSON) | named)
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large"), path
        unknown = client.post("/v1/customers/bulk", content=line, headers=NDJSON | {"Content-Encoding": "br"})
        assert (unknown.status_code, unknown.json()["code"]) == (415, "unsupported_encoding")
        assert "gzip or zstd" in unknown.json()["detail"]
        assert client.get("/v1/customers", params={"include": "total"}).json()["total"] == 0


def test_a_window_larger_than_http_allows_is_refused(client: Client) -> None:
    settings = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    wide = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    packed = wide.compress(b'{"name": "Ana"}') + wide.flush()
    refused = client.put("/v1/customers/ana", content=packed, headers=JSON | {"Content-Encoding": "zstd"})
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed_zstd")


@both
def test_answers_are_packed_for_those_who_accept_it(client: Client, encoding: str) -> None:
    for n in range(30):
        client.put(f"/v1/customers/c{n}", json={"name": f"Customer number {n}"}).raise_for_status()
    for accept in ("application/json", "application/x-ndjson", "text/csv"):
        plain, content = raw(client, "/v1/customers", "identity", Accept=accept)
        packed, body = raw(client, "/v1/customers", f"{encoding};q=0.5, br", Accept=accept)
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == encoding
        assert unpacked(encoding, body) == content
        assert len(body) < len(content) / 2
        assert {each.headers["vary"] for each in (plain, packed)} == {"Accept-Encoding"}
    for refused in (f"{encoding};q=0", "br", "", f"{encoding};q=x"):
        assert "content-encoding" not in raw(client, "/v1/customers", refused)[0].headers
    assert raw(client, "/v1/customers", "gzip, deflate, br, zstd")[0].headers["content-encoding"] == "zstd"
    assert raw(client, "/v1/customers", "zstd;q=0.1, gzip")[0].headers["content-encoding"] == "gzip"


def test_a_page_of_the_console_is_packed_where_no_other_site_asked_for_it_and_its_size_is_blurred(
    installation: Installation, account_id: UUID
) -> None:
    with installation.open_console(account_id) as console:
        for site in ("same-origin", "none"):
            pages = [raw(console, "/console/segments", "gzip", **{"Sec-Fetch-Site": site}) for _ in range(12)]
            assert {page.headers["content-encoding"] for page, _ in pages} == {"gzip"}
            assert all(len(html) < len(unpacked("gzip", html)) for _, html in pages)
            assert len({len(page.headers["rollcall-padding"]) for page, _ in pages}) > 1
        for site in ("cross-site", "same-site"):
            page, html = raw(console, "/console/segments?name=guess", "gzip", **{"Sec-Fetch-Site": site})
            assert (len(html) > 2_000, "content-encoding" in page.headers) == (True, False)


def test_a_page_with_a_secret_is_never_packed(installation: Installation, account_id: UUID) -> None:
    with installation.open_console(account_id) as console:
        token = re.findall(r'name="token" value="([^"]+)"', console.get("/console/keys/new").text)
        form = {"name": "CRM", "kind": "read", "token": token[0]}
        made = console.post("/console/keys/new", data=form, headers={"Accept-Encoding": "gzip"})
        assert "You will not see it again." in made.text
        assert (made.headers["cache-control"], "content-encoding" in made.headers) == ("no-store", False)


def test_tiny_answers_events_and_pages_that_another_site_asks_for_are_not_packed(
    client: Client, installation: Installation, account_id: UUID
) -> None:
    tiny, body = raw(client, "/v1/customers", "gzip")
    assert ("content-encoding" in tiny.headers, json.loads(body)["data"]) == (False, [])
    with installation.open_console(account_id) as console:
        page, html = raw(console, "/console/segments", "gzip", **{"Sec-Fetch-Site": "cross-site"})
        assert (len(html) > 2_000, "content-encoding" in page.headers, "vary" in page.headers) == (True, False, False)
        assert raw(console, "/console/static/console.css", "gzip")[0].headers["content-encoding"] == "gzip"
    with client.stream("GET", "/v1/changes", headers={"Accept": "text/event-stream"}) as followed:
        assert "content-encoding" not in followed.headers


def test_a_packed_stream_that_is_cut_off_is_seen_to_be(client: Client) -> None:
    lines = b"\n".join(json.dumps({"external_id": f"c{n}", "name": f"N {n}"}).encode() for n in range(3_000))
    client.post("/v1/customers/bulk", content=lines, headers=NDJSON).raise_for_status()
    _, body = raw(client, "/v1/customers", "gzip", Accept="application/x-ndjson")
    whole = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert json.loads(whole.decompress(body).splitlines()[-1]) == {"count": 3_000}
    assert whole.eof
    cut = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert b'"external_id":"c0"' in cut.decompress(body[: len(body) // 2]), "what was sent can be read before the end"
    assert not cut.eof
