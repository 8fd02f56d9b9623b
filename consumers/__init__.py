"""The Kafka interface: ingests customer changes, publishes dead letters and membership changes. Webhooks beside it."""

# Where joins and leaves are published. Here, so that settings are checked without importing a client of Kafka.
CHANGES_TOPIC = "rollcall.memberships.v1"
