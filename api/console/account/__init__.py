"""The console's pages about the account and signing in. `api.console.app` lists their routers."""

from api.console.account import attributes, computed_attributes, health, keys, people, profile, sign_in

__all__ = ["attributes", "computed_attributes", "health", "keys", "people", "profile", "sign_in"]
