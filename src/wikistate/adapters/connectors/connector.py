"""The protocol of a connector: what it is called, what it can do, and how its endpoints are made.

A connector is a package that exports one `Connector`. Two steps lead from an operator's words to a source or a sink:

1. `Connector.parse_source_url` turns a URL into options, the same keys that a file has below ``options``.
2. `Connector.resolve_source` turns options into a `SourceEndpoint`: an immutable value without defaults that are still
   open. It knows how to build its source, and answers each question that other layers ask.

The same holds for sinks. `wikistate.wiring.connectors` lists all connectors; nothing else names them. A job or command
that depends on a property of an endpoint asks for its `Capabilities` or calls a method, and never for its class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, Protocol, TypeVar, cast

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from wikistate.adapters.http.client import HttpSettings
    from wikistate.config.connectors import SinkOptions, SourceOptions
    from wikistate.core.events.stream_config import StreamConfig
    from wikistate.core.events.wiki_names import WikiNames
    from wikistate.secret import Secret
    from wikistate.streaming.ports import ResumePositions, Sink, Source

T = TypeVar("T")

SOURCE_OPTIONS = "stream_manager.source.options"
"""The dotted path of the options of the source, for errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The properties of a connector that other layers ask for.

    Attributes:
        source: It can be read.
        sink: It can be written.
        error_sink: It can hold error events, so that ``wikistate replay`` reads them again.
        any_stream: Its records are events of any schema. Recent changes are page changes only.
        resumable: A source starts at positions that its caller stores.
        local_position: A source stores its position in the folder `local.state`.
        wiki: A source reads a wiki directly: the option `url` is the Action API of the wiki, and the source reports the
            time up to which it has read all changes.
        transactions: One transaction spans outputs and committed positions: `EXACTLY_ONCE`.
        stores_positions: A sink stores the positions of the source with its data: `EXACTLY_ONCE`.
        standard_stream: ``-`` names a standard stream.
    """

    source: bool = False
    sink: bool = False
    error_sink: bool = False
    any_stream: bool = True
    resumable: bool = False
    local_position: bool = False
    wiki: bool = False
    transactions: bool = False
    stores_positions: bool = False
    standard_stream: bool = False


class TopicsToCreate(NamedTuple):
    """The topics that must exist before an endpoint can be used, and the access to their cluster.

    Attributes:
        names: The topics.
        bootstrap_servers: ``host:port``, several separated by commas.
        properties: Client properties of the connection, as the operator wrote them.
        key: The dotted path of the properties, for errors.
    """

    names: Sequence[str]
    bootstrap_servers: str
    properties: Mapping[str, str | Secret]
    key: str


class SharedClients:
    """The clients that the sinks of one run share: one for each cluster, one writer for each file."""

    def __init__(self) -> None:
        self._clients: dict[Hashable, object] = {}

    def get(self, key: Hashable, build: Callable[[], T]) -> T:
        """Return the client with this key; `build` builds it once."""
        if key not in self._clients:
            self._clients[key] = build()
        return cast("T", self._clients[key])


class SourceEndpoint(ABC):
    """A resolved source: its address with all options. An immutable value.

    Subclasses are frozen dataclasses. The methods of this class are the defaults for a source without that feature.
    """

    __slots__ = ()

    capabilities: ClassVar[Capabilities]
    """The capabilities of the connector."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The text that distinguishes this source from others. Folder names on disk depend on it."""

    @property
    def consumer_group(self) -> str:
        """The consumer group whose offsets are the position; empty for a source without groups."""
        return ""

    @property
    def is_bounded(self) -> bool:
        """Whether the source ends, with a lag that is known at the start."""
        return False

    @property
    def can_be_read_again(self) -> bool:
        """Whether a new source continues at the last commit: not for standard input, which is read once."""
        return True

    @property
    def topics_to_create(self) -> TopicsToCreate | None:
        """The topics that ``--create-topics`` creates; None for a source without topics."""
        return None

    @abstractmethod
    def build_source(self, *, resume: ResumePositions | None = None) -> Source:
        """Build the source, not open yet.

        Args:
            resume: The positions at which it resumes, where its caller stores them; ignored without the capability
                `resumable`.

        Raises:
            ConfigError: An option is not valid.
        """

    def for_checkpoint(self) -> SourceEndpoint:
        """Return the endpoint for a job that stores the positions of the source in its checkpoint."""
        return self

    def for_replay(self, suffix: str, *, group: str = "") -> SourceEndpoint:  # noqa: ARG002  (see the default)
        """Return the endpoint that reads an error stream once, from the end of the last replay to its current end.

        Args:
            suffix: Distinguishes the positions of replays with different filters; may be empty.
            group: The consumer group; empty for the default.

        Raises:
            ConfigError: The source cannot be read twice.
        """
        raise ConfigError(
            "An error stream is a Kafka topic or a file.",
            hint="Name one, as in --from kafka://host:9092/topic or --from file:errors.ndjson.",
            key="--from",
        )

    def for_single_reader(self, topic: str) -> SourceEndpoint | None:  # noqa: ARG002  (see the default)
        """Return the endpoint that reads one stream in order with one process; None if it names several streams.

        Args:
            topic: The one topic to follow if several topics hold the stream; empty for any.
        """
        return None

    def with_wiki_clock(self, callback: Callable[[int], None]) -> Self:
        """Return the endpoint that calls back when all changes up to a time were read.

        Args:
            callback: Called with the time of the wiki in milliseconds since the epoch.

        Raises:
            NotImplementedError: The connector has no capability `wiki`; a defect of the caller.
        """
        raise NotImplementedError(f"{type(self).__name__} has no clock of a wiki for {callback}.")


class SinkEndpoint(ABC):
    """A resolved sink: its address with all options. An immutable value; see `SourceEndpoint`."""

    __slots__ = ()

    capabilities: ClassVar[Capabilities]
    """The capabilities of the connector."""

    @property
    @abstractmethod
    def max_record_bytes(self) -> int:
        """The size of the largest value that the sink accepts, in bytes. Raises `ConfigError` if it is not a number."""

    @property
    def topics_to_create(self) -> TopicsToCreate | None:
        """The topics that ``--create-topics`` creates; None for a sink without topics."""
        return None

    @abstractmethod
    def build_sink(self, clients: SharedClients, *, standard_stream: int, partition: int | None = None) -> Sink:
        """Build the sink, not open yet.

        Args:
            clients: The clients that it may share with other sinks.
            standard_stream: The file descriptor that ``-`` stands for.
            partition: The partition that all outputs are written to; None for a partition by key.

        Raises:
            ConfigError: An option is not valid, or the sink needs a job that commits positions with the outputs.
        """

    @abstractmethod
    def for_stream(self, stream: str, topic: str = "") -> SinkEndpoint:
        """Return the endpoint of a second stream that belongs to the same output.

        Args:
            stream: The name of the stream.
            topic: Its topic; empty for the topic of that name.
        """

    @abstractmethod
    def for_side_output(self, stream: str) -> SinkEndpoint:
        """Return the endpoint of a side output beside this sink: never the sink itself."""


class WikiQueries(Protocol):
    """Access to the Action API of a wiki with ``action=query``, one request at a time."""

    async def open(self) -> None:
        """Prepare the client; nothing is requested yet."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Return the document of the response. Waits while the wiki is down, for at most `tries`; None: no limit.

        Raises:
            WikiError: The wiki refuses, or the tries are used up.
        """

    async def close(self) -> None:
        """Release the connection."""


class WikiAccess(Protocol):
    """The settings of a wiki that is read as a source."""

    @property
    def names(self) -> WikiNames:
        """The names of the wiki in events."""

    @property
    def is_own(self) -> bool:
        """Whether the wiki belongs to the operator, and not to a farm with public limits."""

    def build_queries(self) -> WikiQueries:
        """Build a client of its Action API."""


class SourceContext(Protocol):
    """The settings outside of its options that a source may need. Each is read only on request."""

    @property
    def job_name(self) -> str:
        """The name of the job."""

    @property
    def streams(self) -> Sequence[StreamConfig]:
        """The streams to read, unless the options name others."""

    @property
    def http(self) -> HttpSettings:
        """The settings of HTTP requests."""

    @property
    def state_file(self) -> Path:
        """The file for the position of a source with the capability `local_position`."""

    def find_wiki(self, api: str) -> WikiAccess:
        """Return the access to the wiki with this Action API. Raises `ConfigError` if a credential cannot be read."""


class SinkContext(NamedTuple):
    """The settings outside of its options that a sink may need.

    Attributes:
        stream: The name of the stream that is written.
        key: The dotted path of its options, for errors.
        is_error_sink: Whether error events are written.
    """

    stream: str
    key: str
    is_error_sink: bool


class SinkDefaults(NamedTuple):
    """The error sink of a sink whose settings name none.

    Attributes:
        connector: The name of its connector.
        options: The options that differ from those of the sink.
    """

    connector: str
    options: Mapping[str, object]


class Connector(Protocol):
    """One connector. Implementations have no state and do no IO; clients are imported when a source or sink is built."""

    @property
    def name(self) -> str:
        """The value of `connector` in the settings."""

    @property
    def scheme(self) -> str:
        """The scheme of its URLs, the part before the first colon."""

    @property
    def source_url(self) -> str:
        """The form of a URL of a source, for errors; empty if it cannot be read."""

    @property
    def sink_url(self) -> str:
        """The form of a URL of a sink, for errors; empty if it cannot be written."""

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of its endpoints."""

    def parse_source_url(self, text: str, *, key: str) -> Mapping[str, object]:
        """Return the options of the source that a URL names.

        Args:
            text: The URL, with its scheme.
            key: The setting or flag that holds it, for errors.

        Raises:
            ConfigError: It is not a valid URL of a source of this connector.
        """

    def parse_sink_url(self, text: str, *, key: str) -> Mapping[str, object]:
        """Return the options of the sink that a URL names. Arguments and errors as in `parse_source_url`."""

    def resolve_source(self, options: SourceOptions, context: SourceContext) -> SourceEndpoint:
        """Return the endpoint of a source.

        Raises:
            ConfigError: An option is missing or not valid.
        """

    def resolve_sink(self, options: SinkOptions, context: SinkContext) -> SinkEndpoint:
        """Return the endpoint of a sink. Raises `ConfigError` as `resolve_source` does."""

    def default_error_sink(self, options: SinkOptions) -> SinkDefaults:
        """Return the place of error events beside a sink with these options."""


def missing_setting(key: str, hint: str) -> ConfigError:
    """Return the error of a setting without a value."""
    return ConfigError(f"{key} is missing.", hint=hint, key=key)


def not_a_source(name: str, *, key: str) -> ConfigError:
    """Return the error of a connector that cannot be read."""
    return ConfigError(f"{key}: {name} is a sink; it cannot be read.", hint="Name a topic or a file.", key=key)


class SourceOnly:
    """The part of a connector without a sink: each question about a sink raises `ConfigError`. See `Connector`."""

    __slots__ = ()

    name: str
    sink_url: ClassVar[str] = ""

    def parse_sink_url(self, text: str, *, key: str) -> NoReturn:  # noqa: ARG002  (no URL is valid)
        """See `Connector`. Raises `ConfigError` always."""
        raise not_a_sink(self.name, key=key)

    def resolve_sink(self, options: SinkOptions, context: SinkContext) -> NoReturn:  # noqa: ARG002  (nothing is valid)
        """See `Connector`. Raises `ConfigError` always."""
        raise not_a_sink(self.name, key=context.key)

    def default_error_sink(self, options: SinkOptions) -> NoReturn:  # noqa: ARG002  (there is no sink)
        """See `Connector`. Raises `ConfigError` always."""
        raise not_a_sink(self.name, key="stream_manager.sink.connector")


def not_a_sink(name: str, *, key: str) -> ConfigError:
    """Return the error of a connector that cannot be written."""
    return ConfigError(f"{key}: {name} is a source; a sink is a topic, a file or -.", key=key)
