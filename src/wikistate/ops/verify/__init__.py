"""The comparison of a store with its wiki."""
