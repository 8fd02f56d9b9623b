"""Webhooks: `/v1/webhooks`. `subscriptions` says what is delivered where, `delivery` how it goes. Admin keys only."""

from api.v1.webhooks import delivery, subscriptions

routers = (subscriptions.router, delivery.router)
__all__ = ["routers"]
