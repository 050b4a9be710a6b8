"""From changes of entities to mutations of a triple store, and back to one patch. Pure."""
