"""What customers do: dated facts, as they enter."""
