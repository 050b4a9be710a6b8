"""Connectors: the sources and sinks of outside systems. `connector` holds their protocol."""
