"""What tests and the demonstration start: a small wiki, sample changes, real parts, a manual clock."""
