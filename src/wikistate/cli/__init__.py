"""Commands, progress, exit codes."""
