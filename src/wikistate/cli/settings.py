"""The options of the command line as a layer of settings above the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.config.layers import Layer, parse_assignment, read_file
from wikistate.config.load import LoadedConfiguration, load, resolve_key
from wikistate.errors import ConfigError
from wikistate.jobs.custom import job as custom
from wikistate.wiring.connectors import parse_url
from wikistate.wiring.registry import find_job

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSettings:
    """Options of the command line that are settings."""

    files: tuple[Path, ...] = ()
    assignments: tuple[str, ...] = field(default=(), repr=False)  # these may hold secrets
    source: str = field(default="", repr=False)
    sink: str = field(default="", repr=False)
    error_sink: str = field(default="", repr=False)
    wikis: tuple[str, ...] = ()
    enrich: str = ""
    metrics_port: int | None = None
    state: str = ""
    wikibase: str = ""
    rate: float | None = None
    store: str = ""


def load_configuration(job: str, flags: CliSettings) -> LoadedConfiguration:
    """Load the configuration of a job: its defaults, then the files, then the command line.

    Raises:
        ConfigError: A file, a key or a value is wrong.
    """
    if flags.enrich and job != custom.NAME:
        raise ConfigError(f"--enrich is for the job {custom.NAME}; {job} has its own enrichment.", key="--enrich")
    defaults = Layer(values=dict(find_job(job).load_defaults()))
    return load([defaults, *map(read_file, flags.files), _command_line_layer(flags)])


def _command_line_layer(flags: CliSettings) -> Layer:
    layer = Layer(strict=True)
    for text in flags.assignments:
        path, value = parse_assignment(text)
        layer.put(resolve_key(path, value), value, "--set")
    _put_endpoint(layer, "source", flags.source, "--source")
    _put_endpoint(layer, "sink", flags.sink, "--sink")
    _put_endpoint(layer, "error_sink", flags.error_sink, "--error-sink")
    for text in flags.wikis:
        domain, equals, api = text.partition("=")
        if not (domain and equals and api):
            raise ConfigError(f"--wiki {text}: expected DOMAIN=API_URL, for example my.wiki=https://my.wiki/w/api.php.")
        layer.put(("wikis", domain, "api"), api, "--wiki")
    if flags.enrich:
        layer.put(("custom", "enrich"), flags.enrich, "--enrich")
    if flags.rate is not None:
        layer.put(("enrich", "rate"), flags.rate, "--rate")
    if flags.metrics_port is not None:
        layer.put(("telemetry", "metrics_port"), flags.metrics_port, "--metrics-port")
    if flags.store:
        layer.put(("store", "location"), flags.store, "--store")
    if flags.wikibase:
        layer.put(("rdf", "wikibase"), flags.wikibase, "--wikibase")
    if flags.state:
        layer.put(("local", "state"), flags.state, "--state")
    return layer


def _put_endpoint(layer: Layer, section: str, text: str, flag: str) -> None:
    if not text:
        return
    for key, value in parse_url(text, section, key=flag).items():
        layer.put(("stream_manager", section, *key.split(".")), value, flag)
