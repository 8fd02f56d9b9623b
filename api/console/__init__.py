"""The web console: pages rendered here, for the people of an account. `api.app` mounts it at `/console`."""
