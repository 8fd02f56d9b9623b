"""Which segments does a change affect? Pure: the flip index and the time index, no I/O."""
