"""Test kit: a fake wiki, a fake Wikibase, memory connectors, faults and a manual clock."""
