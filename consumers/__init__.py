"""The door for Kafka: records in, calls on the application out."""
