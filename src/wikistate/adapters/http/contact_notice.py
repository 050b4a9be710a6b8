"""Notice that a server requires a contact in the User-Agent, at the first request to such a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)


class ContactNotice:
    """Log line for clients without a contact: once, and only if they send a request to a server that requires one.

    Args:
        requires_contact: Returns whether the server with this host name requires a contact.
    """

    def __init__(self, requires_contact: Callable[[str], bool]) -> None:
        self._requires_contact = requires_contact
        self._is_logged = False

    def note_request(self, host: str) -> None:
        """Log the notice if this is the first request to a server that requires a contact."""
        if not self._is_logged and self._requires_contact(host):
            self._is_logged = True
            log.warning("contact_missing")
