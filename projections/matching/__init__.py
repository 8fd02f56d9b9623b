"""Which segments a change or the passing of time affects: the flip index and the time index. Pure, no I/O."""
