"""Credentials for a SPARQL endpoint: those of any HTTP server."""

from __future__ import annotations

from wikistate.adapters.http.credentials import Basic, Bearer, Credential

__all__ = ["Basic", "Bearer", "Credential"]
