"""What is read whole or followed, by programs more than by people: change records, and lists as lines of text."""
