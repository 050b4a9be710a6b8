"""The settings of wikis and farms: the sections `wikis` and `farms`."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from wikistate.config.base import Settings


class CredentialSettings(Settings):
    """The login to a private wiki. Settings name secrets and never contain them."""

    token_env: str = ""
    """Environment variable with an OAuth 2 access token (owner-only consumer)."""

    token_file: str = ""
    """File with an OAuth 2 access token."""

    bot_name: str = ""
    """Name of a bot password, `User@Purpose`."""

    bot_password_env: str = ""
    """Environment variable with the bot password."""

    bot_password_file: str = ""
    """File with the bot password."""

    allow_unencrypted: bool = False
    """Whether the login may be sent over http to another machine, in a network that you trust."""


class WikiSettings(Settings):
    """A wiki that events may name, in addition to the wikis that are allowed by default."""

    api: str
    """URL of its Action API."""

    farm: str = ""
    """The farm whose limits it shares. Empty: one farm for all wikis of the same host."""

    credentials: CredentialSettings = CredentialSettings()
    """Only for wikis that require a login to read."""

    wiki_id: str = ""
    """Name of its database in events, such as `enwiki`. Events of this wiki with another name, and events of other wikis with
    this one, are rejected. Empty: the name that the wiki states."""


class FarmSettings(Settings):
    """Limits that a group of wikis shares."""

    concurrency: PositiveInt | None = None
    """The maximum number of concurrent requests. Default: 3 for public farms (`wikimedia`), 16 for others. The number
    adapts below this limit: it grows while responses are fast and is halved when the wiki reports overload."""

    rate: PositiveFloat | None = None
    """The maximum number of requests a second. Default: `enrich.rate`."""
