"""Updater: turns changes of entities into mutations, and mutations into one patch for a triple store. Pure."""
