"""A secret in each secret setting: it is in no output, log or file, whatever the command and its failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import pytest
import yaml
from tests.unit.cli.secret_settings import (
    SECRET,
    USER,
    find_secret,
    find_secret_in_files,
    find_secret_settings,
    nest,
    serve_echo,
)

from wikistate.demo import corpus
from wikistate.secret import Secret
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import CommandResult, RunCommand

JOB = "page-content-change"
SETTINGS = find_secret_settings()
DIRECT = [path for path in SETTINGS if not path[-1].endswith(("_env", "_file"))]
NAMED = [path for path in SETTINGS if path not in DIRECT]
PROPERTIES = "stream_manager.source.options.properties"


def format_path(path: tuple[str, ...]) -> str:
    """Return the path of a setting."""
    return ".".join(path)


def test_walk_finds_the_secret_settings() -> None:
    """A new one is found by its type or its name, and these at least."""
    found = {format_path(path) for path in SETTINGS}
    assert found >= {
        "store.authentication.password",
        "store.authentication.password_env",
        "store.authentication.token_file",
        "stream_manager.authentication.https://schemas.example.password",
        "stream_manager.source.options.authentication.password",
        f"{PROPERTIES}.sasl.password",
        "stream_manager.sink.options.properties.ssl.key.password",
        "wikis.private.example.credentials.bot_password_file",
        "flink.s3.secret-key",
        "log_config.password",
    }


def write_settings(file: Path, *documents: dict[str, Any]) -> Path:
    """Write documents of settings, merged, as YAML."""
    merged: dict[str, Any] = {}
    for document in documents:
        _merge(merged, document)
    file.write_text(yaml.safe_dump(merged, allow_unicode=True), encoding="utf-8")
    return file


def _merge(target: dict[str, Any], document: dict[str, Any]) -> None:
    for name, value in document.items():
        if isinstance(value, dict):
            _merge(target.setdefault(name, {}), value)
        else:
            target[name] = value


BASE: dict[str, Any] = {"wikis": {"private.example": {"api": "https://private.example/w/api.php"}}}


@pytest.mark.parametrize("path", DIRECT, ids=format_path)
def test_secret_of_each_setting_is_never_shown(run_command: RunCommand, tmp_path: Path, path: tuple[str, ...]) -> None:
    """With a valid configuration, and with each kind of mistake beside and in the setting itself."""
    file = write_settings(tmp_path / "job.yaml", BASE, nest(path, SECRET))
    shown = run_command("config", "show", "--config", file)
    assert (shown.code, shown.err) == (0, "")
    assert "***" in shown.out
    assert run_command("config", "check", "--config", file).code == 0
    results = [
        shown,
        run_command("config", "show", "--config", file, "--set", "enrich.batch_size=many"),
        run_command("config", "check", "--config", file, "--set", "enrich.batchsize=3"),
        run_command("run", JOB, "--config", file, "--source", "eventstreams:x/y"),
        run_command("run", JOB, "--config", file, "--source", "-", "--runner", "no-such-runner"),
        run_command("run", JOB, "--config", file, "--source", "kafka://127.0.0.1:1/t", "--sink", "kafka:x"),
        run_command("config", "check", "--set", f"{format_path(path)}={yaml.safe_dump(SECRET).strip()}"),
        run_command("config", "check", "--set", f"{format_path(path)}:{SECRET}"),
        run_command("config", "check", "--set", f"{format_path(path)}=*{SECRET}"),
        run_command("config", "check", "--set", f"{format_path(path)}=!{SECRET}"),
        run_command("config", "check", "--set", f"{format_path(path[:-1])}={SECRET.replace(' ', '')}"),
    ]
    wrong: list[object] = [[SECRET], {"a": SECRET}, {SECRET: 1}]
    for value in wrong:
        bad = write_settings(tmp_path / "bad.yaml", BASE, nest(path, value))
        results.append(run_command("config", "check", "--config", bad))
    bad = write_settings(tmp_path / "bad.yaml", BASE, nest((*path[:-1], "pasword"), SECRET))
    results.append(run_command("config", "check", "--config", bad))
    (tmp_path / "bad.yaml").write_text(f"{path[0]}: *{SECRET}\n")
    results.append(run_command("config", "check", "--config", tmp_path / "bad.yaml"))
    for result in results:
        assert find_secret(result.out + result.err) == []


def test_shown_configuration_is_not_taken_for_a_password(run_command: RunCommand, tmp_path: Path) -> None:
    """Three asterisks would be sent to the server, which answers that the password is wrong."""
    file = write_settings(tmp_path / "job.yaml", nest(("store", "authentication", "password"), SECRET))
    (again := tmp_path / "shown.yaml").write_text(run_command("config", "show", "--config", file).out)
    result = run_command("config", "check", "--config", again)
    assert result.code == 2
    assert "store.authentication.password" in result.err
    assert "config show" in result.err


URL_SETTINGS = {
    "store.location": True,
    "store.query_url": True,
    "stream_manager.source.options.url": True,
    "stream_manager.stream_config_uri": True,
    "stream_manager.schema_uris": True,
    "wikis.private.example.api": False,
    "rdf.wikibase": False,
    "rdf.entity_data": False,
    "enrich.mediawiki_api_endpoint_template": False,
    "stream_manager.http_client_routes.https://a.example": False,
    "stream_manager.sink.options.bootstrap_servers": False,
}
"""The settings with addresses, and whether a login in the URL is moved to its setting. Elsewhere it is refused."""


@pytest.mark.parametrize(("key", "moves"), URL_SETTINGS.items())
def test_login_in_a_url_is_taken_out_or_refused(
    run_command: RunCommand, tmp_path: Path, key: str, *, moves: bool
) -> None:
    """The URL is shown without it, and the error names the place where it belongs."""
    url = f"https://{USER}:{quote(SECRET, safe='')}@server.example/x"
    value = f"[{url}]" if key.endswith("uris") else url
    result = run_command("config", "show", "--set", f"{key}={value}")
    assert find_secret(result.out + result.err) == []
    assert result.code == (0 if moves else 2)
    if moves:
        assert "https://server.example/x" in result.out
        assert "password: '***'" in result.out
    else:
        assert "belongs under wikis.DOMAIN.credentials" in result.err
    file = write_settings(tmp_path / "job.yaml", nest(("enrich", "batch_size"), "many"))
    wrong = run_command("config", "check", "--config", file, "--set", f"{key}={value}")
    assert find_secret(wrong.out + wrong.err) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", JOB, "--source", "kafka://somebody:PASSWORD@host:9092/t"),
        ("run", JOB, "--source", "kafka://[somebody:PASSWORD@host:9092/t"),
        ("run", JOB, "--source", "-", "--sink", "kafka://somebody:PASSWORD@host:9092/t"),
        ("run", JOB, "--source", "recentchanges:https://somebody:PASSWORD@host/w/api.php"),
        ("run", JOB, "--source", "-", "--wiki", "a.example=https://somebody:PASSWORD@host/w/api.php"),
        ("run", JOB, "--source", "-", "--wiki", "https://somebody:PASSWORD@host/w/api.php"),
        ("run", JOB, "--source", "https://somebody:PASSWORD@host/v2/stream"),
        ("run", "rdf-sync", "--wikibase", "https://somebody:PASSWORD@host", "--store", "s"),
        ("lag", "--store", "http://somebody:PASSWORD@store.example/x"),
        ("lag", "--store", "http://[somebody:PASSWORD@store.example/x"),
        ("store", "counts", "--store", "http://somebody:PASSWORD@127.0.0.1:1/x"),
        ("replay", "--from", "kafka://somebody:PASSWORD@host:9092/t", "--to", JOB),
        ("replay", "--from", "errors.ndjson", "--to", "https://somebody:PASSWORD@host"),
    ],
    ids=lambda arguments: " ".join(arguments[:6]),
)
def test_login_in_an_option_is_not_shown(
    run_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """The command fails before it has connected, and names the option without the password."""
    monkeypatch.chdir(tmp_path)
    result = run_command(*(each.replace("PASSWORD", "Wq7recognisable") for each in arguments))
    assert result.code in (2, 4)
    assert find_secret(result.out + result.err) == []
    assert find_secret_in_files(tmp_path) == []


def test_password_for_a_store_goes_to_no_other_machine_unencrypted(run_command: RunCommand) -> None:
    """Over http it goes to this machine alone, unless the operator permits it."""
    result = run_command("lag", "--store", f"http://{USER}:{quote(SECRET, safe='')}@store.invalid/x")
    assert result.code == 2
    assert "store.authentication: a secret would go to store.invalid unencrypted" in result.err
    assert "store.authentication.allow_unencrypted" in result.err


STORE = ("store", "authentication")
SCHEMAS = ("stream_manager", "authentication")
STREAM = ("stream_manager", "source", "options", "authentication")
WIKI = ("wikis", "private.example", "credentials")


def _authenticate(section: tuple[str, ...], way: str, folder: Path) -> dict[str, Any]:
    """Return the settings that state the secret in one of the ways; the variable is `SECRET_VARIABLE`."""
    (folder / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    kind, _, place = way.partition("_")
    values = {"": SECRET, "env": "SECRET_VARIABLE", "file": str(folder / "secret")}
    user = {"password": {"user": USER}, "bot-password": {"bot_name": USER}}.get(kind, {})
    return nest(section, {way.replace("-", "_"): values[place], **user})


@pytest.mark.parametrize(
    ("section", "way"),
    [
        *[
            (section, way)
            for section in (STORE, SCHEMAS, STREAM)
            for way in ("password", "password_env", "password_file", "token_env", "token_file")
        ],
        *[(WIKI, way) for way in ("token_env", "token_file", "bot-password_env", "bot-password_file")],
    ],
    ids=lambda value: value if isinstance(value, str) else format_path(value),
)
def test_server_that_repeats_the_secret_does_not_make_it_visible(
    run_command: RunCommand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    section: tuple[str, ...],
    way: str,
) -> None:
    """The secret arrives, the server repeats it in its answer, and no output, log or file has it."""
    monkeypatch.setenv("SECRET_VARIABLE", f" {SECRET}\n")
    (place := tmp_path / "place").mkdir()
    (work := tmp_path / "work").mkdir()
    with serve_echo() as (url, seen):
        entry = (url,) if section is SCHEMAS else ()
        secret = _authenticate((*section, *entry), way, place)
        log_format = "ecs" if way.endswith("_env") else "human"
        result = _run_against(run_command, section, secret, url, work, log_format)
    assert any(SECRET in each for each in seen), seen
    assert find_secret(result.out + result.err) == []
    assert find_secret_in_files(work) == []
    assert result.code != 1


def _run_against(
    run_command: RunCommand, section: tuple[str, ...], secret: dict[str, Any], url: str, work: Path, log_format: str
) -> CommandResult:
    quick = {
        "telemetry": {"log_format": log_format, "log_level": "debug"},
        "enrich": {"retry": {"max_attempts": 1}},
        "local": {"state": str(work / "state")},
    }
    if section is STORE:
        file = write_settings(work.parent / "job.yaml", quick, secret)
        return run_command("run", "rdf-consumer", "--config", file, "--store", url, "--source", "kafka://127.0.0.1:1/t")
    if section is SCHEMAS:
        file = write_settings(work.parent / "job.yaml", quick, secret, nest(("stream_manager", "schema_uris"), [url]))
        return run_command("run", JOB, "--config", file, "--source", "-", "--sink", work / "out")
    if section is STREAM:
        file = write_settings(work.parent / "job.yaml", quick, secret)
        return run_command(
            "run", JOB, "--config", file, "--source", f"eventstreams:a.b?base={url}/", "--sink", work / "out"
        )
    events = list(corpus.compose(changes=3).events)
    for event in events:
        event["meta"]["domain"] = "private.example"
    (work / "events").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    wiki = nest(("wikis", "private.example", "api"), f"{url}/w/api.php")
    file = write_settings(
        work.parent / "job.yaml", quick, wiki, secret, nest(("enrich", "circuit_breaker", "when_open"), "error")
    )
    return run_command("run", JOB, "--config", file, "--source", work / "events", "--sink", work / "out.ndjson")


@pytest.mark.parametrize(
    "properties",
    [
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.username": USER,
            "sasl.password": SECRET,
            "ssl.ca.location": "/missing",
        },
        {"security.protocol": "SSL", "ssl.key.pem": SECRET, "ssl.certificate.pem": "x"},
        {"security.protocol": "SSL", "ssl.keystore.location": "/missing", "ssl.keystore.password": SECRET},
        {"sasl.password": SECRET, "compression.type": "no-such-type"},
        {"sasl.jaas.config": SECRET},
        {"ssl.truststore.password": SECRET},
        {"my.unknown.password": SECRET},
        {"sasl.oauthbearer.config": SECRET, "acks": "no-such-number"},
        {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI", "sasl.password": SECRET},
        {"sasl.oauthbearer.token.endpoint.url": f"https://{USER}:Wq7recognisable@a.example", "acks": "x"},
    ],
    ids=" ".join,
)
def test_properties_that_a_client_of_kafka_refuses_show_no_secret(
    run_command: RunCommand, tmp_path: Path, properties: dict[str, str]
) -> None:
    """The message is that of librdkafka, of its parser of keys, or ours; debug logs of the client are on."""
    settings = {"properties": {**properties, "debug": "all"}}
    sections = {name: {"options": settings} for name in ("source", "sink", "error_sink")}
    file = write_settings(tmp_path / "job.yaml", {"stream_manager": sections, "telemetry": {"log_level": "debug"}})
    arguments = ("--source", "kafka://127.0.0.1:1/t", "--sink", "kafka://127.0.0.1:1/u", "--config", file)
    result = run_command("run", JOB, *arguments)
    assert result.code == 2
    assert find_secret(result.out + result.err) == []
    file.unlink()
    assert find_secret_in_files(tmp_path) == []


@pytest.mark.parametrize("way", ["env", "file"])
@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("source", "sasl.password"),
        ("sink", "ssl.key.password"),
        ("error_sink", "sasl.oauthbearer.client.secret"),
    ],
)
def test_missing_variable_or_file_of_kafka_is_an_error(
    run_command: RunCommand, section: str, name: str, way: str
) -> None:
    """The message names the variable or file, before anything is connected."""
    key = f"stream_manager.{section}.options.properties.{name}_{way}"
    arguments = ("--source", "kafka://127.0.0.1:1/t", "--sink", "kafka://127.0.0.1:1/u")
    result = run_command("run", JOB, *arguments, "--set", f"{key}=NO_SUCH_PLACE")
    assert result.code == 2
    assert "NO_SUCH_PLACE" in result.err


def test_labels_of_metrics_hold_no_secret() -> None:
    """Both pages of the status endpoint are made of them."""
    secret, meter = Secret(SECRET), RecordingMeter()
    meter.gauge(metrics.MAIN_FAILURE, error_type=f"refused {SECRET}")(1)
    assert secret.reveal() == SECRET
    assert list(meter.by_label(metrics.MAIN_FAILURE)) == [("refused ***",)]
