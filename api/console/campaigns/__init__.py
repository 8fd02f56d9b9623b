"""The console's pages about campaigns and frozen audiences."""
