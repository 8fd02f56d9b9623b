"""A person's name and e-mail address as a form sends them. Used by `people` and `profile`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Form

from domain.errors import Invalid
from domain.people import checked_email, checked_name


@dataclass(slots=True)
class PersonForm:
    """What was typed, to be shown again; and what is wrong with it, by field."""

    name: str
    email: str
    errors: dict[str, str] = field(default_factory=dict)

    def check(self, *, email_needed: bool) -> None:
        """Normalises both fields, or notes what is wrong with each."""
        self.name = self._checked("name", self.name, checked_name)
        if self.email.strip() or email_needed:
            self.email = self._checked("email", self.email, checked_email)
        else:
            self.email = ""

    def _checked(self, place: str, text: str, check: Callable[[str], str]) -> str:
        try:
            return check(text)
        except Invalid as wrong:
            self.errors[place] = wrong.detail
            return text


def person_form(name: Annotated[str, Form()] = "", email: Annotated[str, Form()] = "") -> PersonForm:
    """Returns the form's fields as they were sent."""
    return PersonForm(name, email)


Typed = Annotated[PersonForm, Depends(person_form)]
