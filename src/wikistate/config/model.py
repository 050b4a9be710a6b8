"""The whole configuration as a value: frozen and nested, with one class for each section.

Each field has a default, a unit and a docstring on its consequence. The keys of `stream_manager` and `enrich` are those
of the public enrichment jobs, so that their files run unchanged. `wikis`, `allowed_origins`, `farms`, `filter`, `custom`, `rdf`, `store`,
`local`, `error_limit`, `telemetry` and `flink` are added by wikistate. ``wikistate config schema`` prints the JSON
Schema of this class, and the table in the docs is generated from it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, PlainSerializer

from wikistate.config.base import Settings
from wikistate.config.connectors import DeliveryGuarantee, SinkOptions, SourceOptions
from wikistate.config.enrich import CustomSettings, Enrich, FilterSettings
from wikistate.config.rdf import RdfSettings
from wikistate.config.runtime import ErrorLimitSettings, FailureAlarmSettings, LocalRunnerSettings, LogFormat, Telemetry
from wikistate.config.store import StoreSettings
from wikistate.config.stream_manager import Projection, Sink, Source, StreamManager
from wikistate.config.wikis import CredentialSettings, FarmSettings, WikiSettings
from wikistate.secret import hide_secrets, mask_values

__all__ = [
    "Configuration",
    "CredentialSettings",
    "CustomSettings",
    "DeliveryGuarantee",
    "Enrich",
    "ErrorLimitSettings",
    "FailureAlarmSettings",
    "FarmSettings",
    "FilterSettings",
    "LocalRunnerSettings",
    "LogFormat",
    "Projection",
    "RdfSettings",
    "Sink",
    "SinkOptions",
    "Source",
    "SourceOptions",
    "StoreSettings",
    "StreamManager",
    "Telemetry",
    "WikiSettings",
]


Options = Annotated[
    dict[str, Any],
    AfterValidator(hide_secrets),
    PlainSerializer(mask_values, when_used="json", return_type=dict[str, Any]),
]
"""Options of another program. The values whose name is that of a secret are `Secret`."""


class Configuration(Settings):
    """The whole configuration of a job."""

    stream_manager: StreamManager = StreamManager()
    """Streams, schemas, connectors."""

    enrich: Enrich = Enrich()
    """The enrichment."""

    wikis: dict[str, WikiSettings] = {}
    """Wikis that events may name, by `meta.domain`."""

    allow_wikimedia: bool = True
    """Whether requests to Wikimedia's wikis are allowed. `false` allows only the wikis in `wikis`."""

    allowed_origins: list[str] = []
    """Servers, such as `https://data.my.wiki`, to which a wiki may refer although no other setting names them: by the link to
    its API, by a redirect, or by its siteinfo. Without it requests stay on the server that was named."""

    farms: dict[str, FarmSettings] = {}
    """Limits by farm."""

    filter: FilterSettings = FilterSettings()
    """The events that are processed, and the fields that are written."""

    custom: CustomSettings = CustomSettings()
    """A custom enrichment."""

    rdf: RdfSettings = RdfSettings()
    """A Wikibase, and the processing of its changes."""

    store: StoreSettings = StoreSettings()
    """A triple store."""

    local: LocalRunnerSettings = LocalRunnerSettings()
    """The local runner."""

    error_limit: ErrorLimitSettings = ErrorLimitSettings()
    """The number of error events at which a run stops."""

    failure_alarm: FailureAlarmSettings = FailureAlarmSettings()
    """The alarm when most events or entities fail."""

    telemetry: Telemetry = Telemetry()
    """Metrics and logs."""

    flink: Options = {}
    """Options of the Flink runner, under Flink's own names. The local runner ignores them. A secret may be in a variable or
    file: `s3.secret-key_env` or `s3.secret-key_file` instead of `s3.secret-key`."""

    log_config: Options = {}
    """The public jobs' `dictConfig` for logging; accepted and not used: see `telemetry`."""
