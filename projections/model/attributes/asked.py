"""What the worker keeps in memory of what is asked of behaviour: measures, and the computed attributes that name them.

Kept by `projections.model.account_state`; `projections.model.behaviour` changes it together with the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.reading import KEPT
from domain.filters.behaviour.windows import FOREVER


@dataclass(slots=True)
class MeasureState:
    """What is asked of behaviour since position `since`; `complete` once the log says so.

    Where its values are dates or instants, those of customers up to `filled_to` are in the index of these.
    """

    measure: Measure
    since: int
    filled_to: int = 0
    complete: bool = False

    @property
    def is_indexed(self) -> bool:
        """Whether its values are in the index of dates and instants."""
        return self.measure.type in ("date", "datetime")

    @property
    def is_filled(self) -> bool:
        """Whether that index has every customer."""
        return self.filled_to == FOREVER

    def indexes(self, customer_no: int) -> bool:
        """Returns whether the value of a customer is in the index of dates and instants."""
        return customer_no <= self.filled_to and self.is_indexed


class Retention(NamedTuple):
    """An activity counts until it is so many `days` old, `None` without end; so since position `since`."""

    days: int | None = None
    since: int = 0

    def of(self, definition: dict[str, Any]) -> dict[str, Any]:
        """What defines a measure, as it is stored."""
        return definition if self.days is None else definition | {KEPT: self.days}


@dataclass(slots=True)
class Removal:
    """Activities up to the instant `before` are removed of customers up to a number; of all where that is 0.

    Memory of one process; another one looks again.
    """

    before: int = -FOREVER
    customer_no: int = 0


@dataclass(slots=True)
class ComputedState:
    """The measure that defines a computed attribute since position `since`.

    `serving` is the key of the one whose values readers see, which may be an older one; `None` before the first.
    """

    measure: Measure
    since: int
    serving: str | None = None
    # Memory of this process: when the window of `serving` moves next, where it moves at once for all.
    moves_at: int = 0

    @property
    def needed(self) -> set[str]:
        """The keys of the measures that it needs."""
        return {self.measure.key} if self.serving is None else {self.measure.key, self.serving}
