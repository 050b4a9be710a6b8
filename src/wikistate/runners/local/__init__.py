"""The local runner: one process, one loop, any source to any sinks."""
