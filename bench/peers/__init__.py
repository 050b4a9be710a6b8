"""The same work done by wikistate and by its peers, side by side in one run. See the README beside this file."""
