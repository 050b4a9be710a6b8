"""``python -m wikistate``."""

from wikistate.cli.app import main

main()
