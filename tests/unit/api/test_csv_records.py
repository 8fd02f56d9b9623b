"""Hostile CSV files as rows: nothing is lost, nothing is silent, whatever program wrote the file."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from io import BytesIO, StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.csv_import import reader
from api.csv_import.headers import letters
from api.csv_import.reader import LONGEST_LINE, MOST_LINES, CsvRow, Unreadable, read_table

HEADER = "phone,name\n"


def rows(content: bytes) -> list[tuple[int, str, str]]:
    """Number, phone and name of each row that can be read; number, code and first cell of the others."""
    with read_table(BytesIO(content)) as table:
        return [
            (row.number, row.mistake[0], row.cells[0])
            if row.mistake
            else (row.number, table.phone(row), table.name(row))
            for row in table.rows
        ]


def read(content: bytes) -> list[CsvRow]:
    with read_table(BytesIO(content)) as table:
        return list(table.rows)


def test_a_file_without_a_header_has_columns_called_by_letters_and_loses_no_row() -> None:
    content = b"\nAna;912000001;x;y\nRui;912000002\nEva;912000003;;;wide\n"
    with read_table(BytesIO(content), ["name", "phone"], has_header=False) as table:
        rows = [(row.number, table.phone(row), row.mistake and row.mistake[0]) for row in table.rows]
    assert table.header == ["A", "B", "C", "D"]
    assert rows == [(1, "", None), (2, "912000001", None), (3, "912000002", None), (4, "912000003", "too_many_cells")]
    assert letters(703)[25:28] + letters(703)[-1:] == ["Z", "AA", "AB", "AAA"]


@pytest.mark.parametrize(
    "content",
    [
        "phone,name\n+1,Zoë\n".encode(),
        "phone,name\n+1,Zoë\n".encode("utf-8-sig"),
        "phone,name\n+1,Zoë\n".encode("utf-16"),
        "phone,name\n+1,Zoë\n".encode("utf-16-le"),
        "phone,name\n+1,Zoë\n".encode("utf-16-be"),
        b"\xfe\xff" + "phone,name\n+1,Zoë\n".encode("utf-16-be"),
        "phone,name\n+1,Zoë\n".encode("utf-32"),
        "phone,name\n+1,Zoë\n".encode("cp1252"),
        "phone;name\r\n+1;Zoë\r\n".encode(),
        "phone\tname\r+1\tZoë\r".encode(),
        "sep=;\r\nphone;name\r\n+1;Zoë".encode(),
        '"phone","name"\n"+1","Zoë"\n'.encode(),
        "Name; Phone Number\nZoë; +1\n".encode(),
        "E-mail,PHONE NO.,Full Name,x\n,+1,Zoë,\n".encode(),
        "Número de Telefone;Nome\n+1;Zoë\n".encode(),
        "Telefon,Vorname,Nachname\n+1,,Zoë\n".encode(),
        "number,mobile,phone,name\n1,,+1,Zoë\n".encode(),
        "Mobile Phone Number,Name\n+1,Zoë\n".encode(),
        "phone model,Phone (mobile),name\n7,+1,Zoë\n".encode(),
        "Nome;Nr. Telefone\nZoë;+1\n".encode(),
        "Nº de telefone;Nome\n+1;Zoë\n".encode(),
        "customer,name,MSISDN\n7,Zoë,+1\n".encode(),
        "row_number,phone,error_code,name,error_message\n9,+1,x,Zoë,y\n".encode(),
    ],
)
def test_the_row_is_the_same_whatever_program_wrote_the_file(content: bytes) -> None:
    assert rows(content) == [(2, "+1", "Zoë")]


def test_cells_may_hold_delimiters_quotes_and_line_breaks() -> None:
    content = b'phone,name\n+1,"Sa, Ana"\n+2,"Ana ""Nini"" Sa"\n+3,"Ana\r\nSa"\n+4,Rui "x\n+5, "Eva, Eva"\n'
    assert rows(content) == [
        (2, "+1", "Sa, Ana"), (3, "+2", 'Ana "Nini" Sa'), (4, "+3", "Ana\r\nSa"), (5, "+4", 'Rui "x'),
        (6, "+5", "Eva, Eva"),
    ]  # fmt: skip


def test_blank_rows_keep_the_count() -> None:
    found = read(b"\n\nphone,name\n\n+1,\n,\n  \n+2")
    assert [row.number for row in found] == [1, 2, 4, 5, 6, 7, 8]
    assert [row.number for row in found if not row.blank] == [5, 8]


def test_a_quote_that_is_not_closed_spoils_its_own_line_only() -> None:
    many = "".join(f"+{n},n\n" for n in range(MOST_LINES * 2))
    found = rows((HEADER + '+9,"open\n' + many).encode())
    assert found[0] == (2, "unclosed_quote", '+9,"open')
    assert found[1:] == [(3 + n, f"+{n}", "n") for n in range(MOST_LINES * 2)]
    assert rows((HEADER + '+9,"open\n+1,n\n').encode()) == [(2, "unclosed_quote", '+9,"open'), (3, "+1", "n")]
    assert rows((HEADER + '+1,n\n+9,"open').encode()) == [(2, "+1", "n"), (3, "+9", "open")]


@pytest.mark.parametrize("later", ['+2,"b"', '"+2",b', '"+2","b"'])
def test_a_quote_of_a_later_row_does_not_close_an_open_one(later: str) -> None:
    found = rows((HEADER + f'+9,"open\n+1,n\n{later}\n+3,c\n').encode())
    assert found == [(2, "unclosed_quote", '+9,"open'), (3, "+1", "n"), (4, "+2", "b"), (5, "+3", "c")]


def test_an_endless_line_is_one_mistake() -> None:
    found = rows((HEADER + "+1," + "x" * 3 * LONGEST_LINE + "\n+2,b\n").encode())
    assert [each[:2] for each in found] == [(2, "line_too_long"), (3, "+2")]


def test_cells_outside_the_header_are_a_mistake_and_not_cut_off() -> None:
    assert rows(b"phone,name\n+1,Sa, Ana\n+2,b,,\n+3\n") == [(2, "too_many_cells", "+1"), (3, "+2", "b"), (4, "+3", "")]


@pytest.mark.parametrize("ending", [b"\x1a", b"\r\n\x1a", b"\n\x1a\x1a", b"\n\x1a"])
def test_the_end_of_file_of_dos_is_no_row(ending: bytes) -> None:
    assert rows(b"phone,name\n+1,Ana\n+2,Rui" + ending) == [(2, "+1", "Ana"), (3, "+2", "Rui")]
    assert rows(b"phone,name" + ending) == []


def test_columns_may_be_separated_by_bars() -> None:
    assert rows(b"phone|name\n+1|Sa, Ana\n") == [(2, "+1", "Sa, Ana")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n \r\n", "empty_file"),
        (b"+351912345678,Ana\n", "no_phone_column"),
        (b"name,age\n", "no_phone_column"),
        (b"PK\x03\x04rest", "not_csv"),
        (b"%PDF-1.7", "not_csv"),
        (bytes(range(256)) * 10, "no_phone_column"),
        (b"\x00" * 1_000, "no_phone_column"),
        (b'"phone', None),
        (b"phone", None),
    ],
)
def test_only_a_file_without_a_phone_column_cannot_be_read(content: bytes, code: str | None) -> None:
    if code is None:
        assert rows(content) == []
        return
    with pytest.raises(Unreadable) as wrong:
        read(content)
    assert wrong.value.code == code


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("phone^name", "separated by “^”; save the file with commas, semicolons or tabs"),
        ("name phone", "separated by spaces"),
        ("07400 123140,Ann", "the first row seems to hold data; add a row above it"),
        ("+447400123140", "the first row seems to hold data"),
        ("Телефон;Имя", "none of the 2 columns is called phone, mobile or telephone; rename the one"),
        ("Ann", "the first row is one column, which is not called phone"),
    ],
)
def test_a_file_without_a_phone_column_is_refused_with_the_likely_cause(header: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(reason)) as refused:
        rows(f"{header}\n1,2\n".encode())
    assert "Ann" not in refused.value.detail


def test_an_end_of_file_of_dos_hides_no_line_that_is_too_long() -> None:
    line = "+1," + "x" * (LONGEST_LINE - 4) + "\x1a" + "y" * 10
    assert rows(f"{HEADER}{line}\n+2,b\n".encode()) == [(2, "line_too_long", "+1"), (3, "+2", "b")]


def test_utf_8_with_a_few_damaged_bytes_is_read_as_utf_8() -> None:
    content = HEADER.encode() + "+1,Zoë\n+2,Zoë\n".encode() + b"+3,Zo\xeb\n"
    assert rows(content) == [(2, "+1", "Zoë"), (3, "+2", "Zoë"), (4, "+3", "Zo�")]


texts = st.text(st.sampled_from('ab,;\t"\n\r é€\0+1='), max_size=8)


@settings(max_examples=300)
@given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=12), st.sampled_from([",", ";", "\t"]),
       st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["utf-8-sig", "utf-16", "utf-8"]))  # fmt: skip
def test_what_a_csv_writer_wrote_is_read_back(
    cells: list[list[str]], delimiter: str, ending: str, encoding: str
) -> None:  # fmt: skip
    out = StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["phone", "name"], *cells])
    assert [row.cells for row in read(out.getvalue().encode(encoding))] == cells


@settings(max_examples=300)
@given(st.text(st.sampled_from('ab,;\t"\n\r é\0+1'), max_size=300), st.sampled_from(["utf-8", "cp1252", "utf-16"]))
def test_no_text_is_lost_whatever_it_holds(text: str, encoding: str) -> None:
    found = read(("phone,name\n" + text).encode(encoding, "replace"))
    assert [row.number for row in found] == list(range(2, 2 + len(found)))
    for letter in "ab1+":
        assert sum(cell.count(letter) for row in found for cell in row.cells) == text.count(letter)


@given(st.binary(max_size=500))
def test_bytes_are_rows_or_unreadable(content: bytes) -> None:
    for beginning in (b"", b"phone\n", b"\xff\xfep\0h\0o\0n\0e\0\n\0"):
        with suppress(Unreadable):
            assert all(isinstance(each[2], str) for each in rows(beginning + content))


@settings(max_examples=500)
@given(st.text(st.sampled_from('ab,;"\n\r é1 '), max_size=200), st.sampled_from([1, 2, 7]))
def test_lines_read_in_blocks_are_the_rows_of_lines_read_one_by_one(text: str, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "LONGEST_LINE", 40)
        patch.setattr(reader, "BLOCK", 0)
        one_by_one = read((HEADER + text).encode())
        patch.setattr(reader, "BLOCK", block)
        assert read((HEADER + text).encode()) == one_by_one
