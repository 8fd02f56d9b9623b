"""The Kafka interface: ingests customer changes, publishes dead letters and membership changes. Webhooks beside it."""
