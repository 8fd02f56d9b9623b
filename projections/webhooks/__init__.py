"""Webhooks as rows, never rebuilt: subscriptions, how far each is delivered, the members of a full send, the log."""
