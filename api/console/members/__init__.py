"""The console's pages about a segment's customers."""
