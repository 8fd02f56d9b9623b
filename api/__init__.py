"""The HTTP door: `app` makes the application, one module beside it per noun of the contract."""
