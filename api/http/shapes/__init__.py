"""The requests and responses of `/v1`, and how they appear in the OpenAPI document."""
