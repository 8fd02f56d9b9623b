"""The processes: settings, assembly, commands, and the embedded default."""
