"""What Rollcall decides: pure functions and events. No input or output, no clock, no settings."""
