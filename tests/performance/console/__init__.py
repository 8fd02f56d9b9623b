"""The console over a million customers and ten thousand segments: server times, and first paints in a browser."""
