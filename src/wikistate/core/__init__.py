"""The rules: pure, no IO, no clock, no logger, no framework."""
