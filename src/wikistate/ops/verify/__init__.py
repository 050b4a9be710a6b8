"""Verification of a store: comparison of its entities with the wiki."""
