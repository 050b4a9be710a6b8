"""Pure rules, without IO, clock, logger or framework."""
