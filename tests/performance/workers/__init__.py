"""The benchmark of several projection workers."""
