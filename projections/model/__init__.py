"""The read model: tables derived from the log, dropped and rebuilt at will."""
