"""What a person types into a search box, as a text-search query over `customers.search`.

Every word must begin some word of the name or the phone number. What looks like a phone number is
also tried as one, written nationally or internationally, by its first digits. Nothing typed is ever
read as query syntax: words are quoted. Both sides are folded as conditions fold text, so that case
and the way in which an accent is encoded make no difference, whatever the database's locale.
"""

from __future__ import annotations

import re

import phonenumbers

from domain.values import fold

_PHONE = re.compile(r"[+\d\s()./-]+\Z", re.ASCII)
_LEAST_DIGITS = 3


def words_query(typed: str) -> str:
    """All words, each as a quoted prefix, joined by AND."""
    return " & ".join(f"{_quoted(word)}:*" for word in fold(typed).split())


def phones_query(typed: str, country: str) -> str:
    """The ways in which the digits typed may begin a stored number, joined by OR; empty where it is no number."""
    digits = re.sub(r"\D", "", typed, flags=re.ASCII)
    if not _PHONE.match(typed) or len(digits) < _LEAST_DIGITS:
        return ""
    beginnings = [digits]
    if not typed.lstrip().startswith("+"):
        if digits.startswith("00"):
            beginnings.append(digits[2:])
        calling_code = phonenumbers.country_code_for_region(country)
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
        trunk = (metadata.national_prefix if metadata else None) or ""
        beginnings.append(f"{calling_code}{digits.removeprefix(trunk)}")
    return " | ".join(f"{_quoted(each)}:*" for each in beginnings if each)


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
