"""Clients of triple stores, and the writer of mutations."""
