"""The read model: tables derived from the log, which can be dropped and rebuilt."""
