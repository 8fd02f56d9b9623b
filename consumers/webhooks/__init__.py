"""Webhooks out: membership changes as signed messages over HTTP. What the role `deliver` does."""

from consumers.webhooks.deliverer import Deliverer
from consumers.webhooks.sender import Sender
from consumers.webhooks.turn import Turns

__all__ = ["Deliverer", "Sender", "Turns"]
