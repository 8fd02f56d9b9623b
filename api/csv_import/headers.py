"""Which columns of a CSV hold phone numbers and names, by the words in its header.

Used by `api.csv_import.reader`. Case, accents and punctuation do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase

# One of these words, and beside it only words of the second kind: "Mobile phone number", "Nr. Telefone".
_PHONE = frozenset(
    [
        "phone",
        "phones",
        "phonenumber",
        "mobile",
        "mobilephone",
        "cell",
        "cellphone",
        "tel",
        "telephone",
        "msisdn",
        "gsm",
        "whatsapp",
        "telefone",
        "telemovel",
        "celular",
        "telefono",
        "movil",
        "telefon",
        "telefonnummer",
        "rufnummer",
        "handy",
        "handynummer",
        "mobil",
        "mobiltelefon",
        "portable",
        "cellulare",
    ]
)
_BESIDE = frozenset(
    [
        "number",
        "no",
        "num",
        "nr",
        "numero",
        "de",
        "di",
        "1",
        "2",
        "3",
        "value",
        "e164",
        "primary",
        "main",
        "home",
        "business",
        "work",
        "contact",
        "customer",
        "client",
    ]
)
# Only where no other column is one: these may as well count the rows.
_MAYBE_PHONE = frozenset(("number", "numero", "no"))
_DIGITS_OF_A_NUMBER = 7
# The better ones first: `customer` may as well be an id.
_NAME = [
    "name",
    "full name",
    "fullname",
    "customer name",
    "client name",
    "contact name",
    "display name",
    "nome",
    "nome completo",
    "nombre",
    "nombre completo",
    "nom",
    "nom complet",
    "vollstandiger name",
    "customer",
    "client",
    "contact",
]
_FIRST = frozenset(["first name", "firstname", "given name", "forename", "vorname", "prenom", "primeiro nome"])
_LAST = frozenset(
    ["last name", "lastname", "surname", "family name", "nachname", "apelido", "apellido", "apellidos", "sobrenome"]
)


def phone_columns(header: Sequence[str]) -> list[int]:
    """Returns the index of every column of phone numbers, from the left."""
    plain = [_plain(cell) for cell in header]
    sure = [index for index, cell in enumerate(plain) if _is_phone(cell)]
    return sure or [index for index, cell in enumerate(plain) if cell in _MAYBE_PHONE]


def why_no_phone_column(header: Sequence[str]) -> str:
    """Returns the likely reason why a first row names no column of phone numbers, and what to do.

    It quotes no cell: they may be a person's data.
    """
    if len(header) == 1:
        for mark in dict.fromkeys(re.findall(r"[^\w\"']", header[0])):
            if phone_columns(header[0].split(mark)):
                called = "spaces" if mark.isspace() else f"“{mark}”"
                return f"the columns seem to be separated by {called}; save the file with commas, semicolons or tabs"
    if _holds_a_number(header):
        return (
            "the first row seems to hold data; add a row above it that names the columns, such as phone,name, or say "
            "that there is no such row and what each column holds"
        )
    if len(header) == 1:
        return "the first row is one column, which is not called phone; name the columns, and separate them by commas"
    return f"none of the {len(header)} columns is called phone, mobile or telephone; rename the one with phone numbers"


def names_columns(header: Sequence[str]) -> bool:
    """Returns whether a first row seems to name the columns: it names phone numbers, or holds none."""
    return bool(phone_columns(header)) or not _holds_a_number(header)


def letters(width: int) -> list[str]:
    """Returns the names of columns that have none, as a spreadsheet shows them: A to Z, AA, AB, ..."""
    return [_letters(place) for place in range(width)]


def _letters(place: int) -> str:
    before, last = divmod(place, len(ascii_uppercase))
    return (_letters(before - 1) if before else "") + ascii_uppercase[last]


def _holds_a_number(cells: Sequence[str]) -> bool:
    return any(len(re.sub(r"\D", "", cell)) >= _DIGITS_OF_A_NUMBER for cell in cells)


def _is_phone(plain: str) -> bool:
    words = set(plain.split())
    return plain == "contact number" or (not words.isdisjoint(_PHONE) and words <= _PHONE | _BESIDE)


def name_columns(header: Sequence[str]) -> list[int]:
    """Returns the index of the column of full names, else those of first and last names, else none."""
    plain = [_plain(cell) for cell in header]
    whole = [plain.index(called) for called in _NAME if called in plain]
    if whole:
        return whole[:1]
    parts = [[index for index, cell in enumerate(plain) if cell in called][:1] for called in (_FIRST, _LAST)]
    return [index for part in parts for index in part]


def ignored_columns(header: Sequence[str], chosen: Sequence[str] | None = None) -> list[str]:
    """Returns the columns that are not imported: all but phone numbers and names, or those that were not chosen."""
    used = {*phone_columns(header), *name_columns(header)}
    if chosen is not None:
        used = {index for index, each in enumerate(chosen) if each}
    return [cell.strip() for index, cell in enumerate(header) if index not in used and cell.strip()]


def _plain(cell: str) -> str:
    """A header cell without case, accents and punctuation."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", cell.casefold()) if not unicodedata.combining(each))
    return re.sub(r"[\W_]+", " ", bare).strip()
