"""Which columns of a CSV hold phone numbers and names, by the words in its header.

Used by `api.csv_import.reader`. Case, accents and punctuation do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

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


def ignored_columns(header: Sequence[str]) -> list[str]:
    """Returns the columns that hold neither phone numbers nor names: an import leaves them alone."""
    used = {*phone_columns(header), *name_columns(header)}
    return [cell.strip() for index, cell in enumerate(header) if index not in used and cell.strip()]


def _plain(cell: str) -> str:
    """A header cell without case, accents and punctuation."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", cell.casefold()) if not unicodedata.combining(each))
    return re.sub(r"[\W_]+", " ", bare).strip()
