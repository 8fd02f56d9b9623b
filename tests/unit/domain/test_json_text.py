"""JSON in and out: no digit is lost, and no text from outside does harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import json_text
from domain.errors import Invalid


@pytest.mark.parametrize(
    "value",
    [
        Decimal("0.1"),
        Decimal("12345678901234567890.123456789012345678"),
        Decimal("1E-30"),
        2**63,
        -(2**64),
        10**37,
        True,
        None,
        "Ünï \u2028 \U0001f600",
        {"a": [1, {"b": [Decimal("2.50")]}]},
        {"a": [2**64, {"b": "2.5"}], "c": 0},
        [1, [Decimal("1E+399")]],
    ],
)
def test_a_value_is_the_same_after_writing_and_reading(value: Any) -> None:
    text = json_text.dumps(value)
    read = json_text.loads(text)
    assert read == value
    assert type(read) is type(value)
    assert json_text.parse(text) == value


def test_identifiers_and_instants_are_written_as_text() -> None:
    value = {"id": UUID(int=1), "at": datetime(2026, 5, 20, 10, tzinfo=UTC), "tags": ("a",)}
    assert json_text.loads(json_text.dumps(value)) == {
        "id": "00000000-0000-0000-0000-000000000001",
        "at": "2026-05-20T10:00:00Z",
        "tags": ["a"],
    }


@settings(max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_our_own_text_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    text = json_text.dumps(value)
    exactly = json.JSONDecoder(parse_float=Decimal).decode(text.decode())
    assert repr(json_text.loads(text)) == repr(exactly)
    assert exactly == value


def test_an_instant_is_written_as_python_writes_it() -> None:
    for at in (
        datetime(2026, 5, 20, 10, 0, 0, 120, tzinfo=UTC),
        datetime(999, 1, 1, tzinfo=UTC),
        datetime(2026, 5, 20, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    ):
        assert json_text.dumps(at).decode() == f'"{at.isoformat().replace("+00:00", "Z")}"'


def test_a_value_without_json_form_is_an_error() -> None:
    with pytest.raises(TypeError):
        json_text.dumps({"a": object()})


def test_a_fraction_is_never_a_binary_float() -> None:
    assert json_text.parse(b"[0.1, 1e2, 1.0]") == [Decimal("0.1"), Decimal("100"), Decimal("1.0")]
    assert all(isinstance(each, Decimal) for each in json_text.parse(b"[0.1, 1e2, 1.0]"))


def test_a_byte_order_mark_is_ignored() -> None:
    assert json_text.parse(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"nope",
        b"\xff",
        b"NaN",
        b"[-Infinity]",
        b"1" * 401,
        b"0." + b"1" * 400,
        b'{"a": "' + b"x" * 500 + b'", "b": ' + b"1" * 401 + b"}",
        b"1e99999999999999999999",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 10_000,
    ],
)
def test_malformed_json_is_refused_with_a_place_or_a_reason(text: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        json_text.parse(text)
    assert refused.value.code == "malformed_json"
    assert refused.value.detail


def test_depth_counts_brackets_and_not_texts() -> None:
    assert json_text.parse(b"[" * 32 + b"]" * 32)
    deep_text = {"a": "[" * 100 + '\\"' + "{" * 100}
    assert json_text.parse(json.dumps(deep_text).encode()) == deep_text


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert json_text.parse(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("text", [b'{"a\\ud83d": ["\\udfff", "\\ud83d\\ude00"]}', b"NaN", b"-Infinity"])
def test_a_sender_that_is_read_leniently_may_send_half_characters_and_no_numbers(text: bytes) -> None:
    read = json_text.parse(text, lenient=True)
    assert read == {"a\ufffd": ["\ufffd", "\U0001f600"]} or isinstance(read, float)
    with pytest.raises(Invalid):
        json_text.parse(text + b"}", lenient=True)


@settings(max_examples=500)
@given(st.data())
def test_what_the_fast_reader_takes_is_what_the_standard_library_reads(data: st.DataObject) -> None:
    pieces = ["{", "}", "[", "]", ",", ":", '"', '"a":', "\\u00e9", "\\ud83d", "\\ude00", "\\n", "é", " "]
    numbers = ["0", "-", "1", ".5", "e5", "1.50", "-0.0", "12345678901234567890", "1e400", "true", "null"]
    text = "".join(data.draw(st.lists(st.sampled_from(pieces + numbers), max_size=9)))
    found = []
    for read in (json_text.parse, json_text._parse_slowly):
        try:
            found.append(repr(read(text.encode())))
        except Invalid as refused:
            found.append(str(refused))
    assert found[0] == found[1]
