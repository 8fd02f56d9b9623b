"""Turns the text of a search box into text-search queries over `customers.search`.

Every word must be the beginning of some word of the name or the phone number. Text that looks like a phone
number is also tried as one, national or international, by its first digits. Words are quoted, so that
nothing typed is taken as query syntax. `domain.search_words` decides what is a word, on both sides, whatever the
database's parser and locale.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from domain.search_words import typed_words

_PHONE = re.compile(r"[+\d\s()./-]+\Z", re.ASCII)
_MIN_DIGITS = 3


def words_query(typed: str) -> str:
    """Returns a query for all words: each a quoted prefix, joined by AND; empty, which finds nothing, without words."""
    return " & ".join(f"{_quoted(word)}:*" for word in typed_words(typed))


def phones_query(typed: str, country: str) -> str:
    """Returns a query for numbers that may begin with the typed digits, joined by OR; empty if it is no number."""
    typed = _in_ascii(typed)
    digits = re.sub(r"\D", "", typed, flags=re.ASCII)
    if not _PHONE.match(typed) or len(digits) < _MIN_DIGITS:
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


def _in_ascii(typed: str) -> str:
    """Returns a number in any script's digits, with any blanks and dashes, as customers' numbers are."""
    plain = ""
    for char in unicodedata.normalize("NFKC", typed):
        category = unicodedata.category(char)
        if category == "Nd":
            plain += str(unicodedata.decimal(char))
        elif category != "Cf":
            plain += "-" if category == "Pd" else char
    return plain


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
