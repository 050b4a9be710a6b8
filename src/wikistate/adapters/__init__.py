"""The edges: everything that talks to a wiki, a broker, a file or a store."""
