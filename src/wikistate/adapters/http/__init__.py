"""The HTTP client of all adapters: bounded bodies, TLS, routes and documents."""
