"""A secret is not shown by any way of printing a value, and a text of another program loses the secrets in it."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import orjson
import pytest
import yaml
from rich.console import Console
from rich.traceback import Traceback

from wikistate.adapters.connectors.kafka.known_properties import KNOWN_PROPERTIES
from wikistate.adapters.connectors.kafka.properties import TREATMENTS
from wikistate.config.authentication import HttpAuthentication, has_login, split_login
from wikistate.errors import ConfigError, SettingsError, StoreError
from wikistate.secret import HIDDEN, Secret, hide_secrets, is_secret_name, mask, mask_url, mask_values, reveal

TEXT = 'hunter2/hunter2 & "quoted" é'


def test_printing_shows_three_asterisks() -> None:
    """Also as a part of another value."""
    secret = Secret(TEXT)
    assert [str(secret), repr(secret), f"{secret}", f"{secret!r}", str([secret])[1:-1], f"{secret:>5}"] == [
        *[HIDDEN] * 5,
        "  ***",
    ]
    assert repr({"a": [secret]}) == "{'a': [***]}"
    assert json.dumps(secret, default=str) == f'"{HIDDEN}"'
    assert orjson.dumps(secret, default=str) == f'"{HIDDEN}"'.encode()
    assert HttpAuthentication(password=secret).model_dump(mode="json")["password"] == HIDDEN
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("dump", [json.dumps, orjson.dumps, yaml.safe_dump])
def test_formats_without_a_rule_refuse_a_secret(dump: object) -> None:
    """An error at the place is better than a secret in a file."""
    with pytest.raises((TypeError, yaml.YAMLError)) as caught:
        dump({"a": Secret(TEXT)})  # type: ignore[operator]
    assert TEXT not in str(caught.value)


def test_secret_is_a_value() -> None:
    """It is equal by its text, survives pickle and copies, and is revealed on request alone."""
    secret = Secret(TEXT)
    assert secret == Secret(TEXT) != Secret("x")
    assert len({secret, Secret(TEXT)}) == 1
    assert pickle.loads(pickle.dumps(secret)) == copy.deepcopy(secret) == secret
    assert (secret.reveal(), reveal(secret), reveal("x")) == (TEXT, TEXT, "x")
    assert secret != TEXT


def test_traceback_with_local_variables_does_not_show_it() -> None:
    """Tools print the variables of each frame."""
    password = Secret(TEXT)
    try:
        raise ConfigError(f"refused {password}")  # noqa: TRY301
    except ConfigError as error:
        console = Console(width=200, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        with console.file:
            console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
            shown = console.export_text() + "".join(traceback.format_exception(error))
    assert "password" in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("value", [None, [], {}, b"x", "", "  ", HIDDEN])
def test_value_that_is_not_a_secret_is_refused(value: object) -> None:
    """Three asterisks are the output of `config show`, and not a password."""
    with pytest.raises(ValueError, match="secret"):
        Secret.parse(value)


SECRET_PROPERTIES = {
    "sasl.jaas.config",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.key",
    "ssl.keystore.password",
    "ssl.truststore.password",
}


def test_secret_properties_of_kafka_are_known_by_name() -> None:
    """The list of librdkafka, and that of Java; no other property of them is hidden."""
    known = {name for name in {*KNOWN_PROPERTIES, *TREATMENTS} if is_secret_name(name)}
    assert known == SECRET_PROPERTIES


@pytest.mark.parametrize(
    "name", ["s3.secret-key", "s3.access-key", "my.api_key", "FOO_TOKEN", "fs.azure.account.key.x.y"]
)
def test_unknown_names_are_secret_by_their_ending(name: str) -> None:
    """A new option of another program is covered."""
    assert is_secret_name(name)
    assert hide_secrets({"a": [{name: "x"}], name: 3, "b": 3}) == {
        "a": [{name: Secret("x")}],
        name: Secret("3"),
        "b": 3,
    }


@pytest.mark.parametrize(
    "text",
    [
        f"the server says: wrong password {TEXT}!",
        f"at {json.dumps(TEXT)}",
        "at hunter2%2Fhunter2%20%26%20%22quoted%22%20%C3%A9",
        "at hunter2%2Fhunter2+%26+%22quoted%22+%C3%A9",
        f"{TEXT!r}",
    ],
)
def test_text_of_a_server_loses_a_known_secret(text: str) -> None:
    """In the form of an URL and of JSON as well; the error of a request passes here."""
    secret = Secret(TEXT)
    assert "hunter2" not in mask(text)
    assert HIDDEN in mask(text)
    assert "hunter2" not in str(StoreError(text, hint=text))
    assert "hunter2" not in str(SettingsError([text], hint=text))
    assert secret.reveal() == TEXT


def test_text_that_was_cut_within_a_secret_loses_it_as_well() -> None:
    """Answers of servers are quoted up to a length."""
    secret = Secret("0123456789abcdefghijklmnopqrstuv")
    assert [mask(f"says {secret.reveal()}"[:length]) for length in (13, 20, 36, 37)] == ["says ***"] * 4
    assert mask(f"{secret.reveal()[:20]} and {secret.reveal()}!") == "*** and ***!"


def test_secret_is_forgotten_with_its_last_value() -> None:
    """A token that is renewed each hour does not fill the memory."""
    secret = Secret("transient-secret")
    assert mask("a transient-secret") == "a ***"
    del secret
    assert mask("a transient-secret") == "a transient-secret"


def test_short_secret_is_not_searched_for() -> None:
    """It would be a part of many words; its own value is still hidden."""
    secret = Secret("kafka")
    assert mask("kafka://host") == "kafka://host"
    assert str(secret) == HIDDEN


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pass@host:1/a@b", "https://***@host:1/a@b"),
        ("see https://token@host, http://a:b@c.", "see https://***@host, http://***@c."),
        ("http://host/wiki/User@x", "http://host/wiki/User@x"),
        ("https://host/?access_token=abc&x=1", "https://host/?access_token=***&x=1"),
        ("x?lgtoken=abc#f", "x?lgtoken=***#f"),
        ("x?access-token=abc", "x?access-token=***"),
        ("mail a@b.example", "mail a@b.example"),
    ],
)
def test_urls_in_a_text_lose_logins_and_tokens(text: str, shown: str) -> None:
    """Also those of secrets that this process does not know, such as the proxy of a library."""
    assert mask_url(text) == shown
    assert mask_values({"a": [text]}) == {"a": [shown]}


@pytest.mark.parametrize(
    "text", ["://" * 300_000, "a" * 1_000_000 + "://@", "?token" * 200_000 + "=", "@" * 1_000_000 + "://"]
)
def test_long_text_is_read_once(text: str) -> None:
    """A search that began again at each place would not end within the time limit of a test."""
    assert mask(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:p%40ss@host/x", ("https://host/x", {"user": "me", "password": Secret("p@ss")})),
        ("https://me@host", ("https://host", {"user": "me"})),
        ("https://me:a/b@host/x", ("https://host/x", {"user": "me", "password": Secret("a/b")})),
        ("https://host/a@b", ("https://host/a@b", {})),
        ("https://host:8080/a@b", ("https://host:8080/a@b", {})),
        ("https://[::1]:1/a@b", ("https://[::1]:1/a@b", {})),
        ("https://host?x=a@b", ("https://host?x=a@b", {})),
        ("./folder@x", ("./folder@x", {})),
    ],
)
def test_login_of_a_url_is_taken_out(url: str, expected: tuple[str, dict[str, object]]) -> None:
    """A password with a slash is recognised as well."""
    assert split_login(url) == expected
    assert has_login(url) == bool(expected[1])


def test_error_of_settings_survives_pickle() -> None:
    """Flink sends errors between processes."""
    error = pickle.loads(pickle.dumps(SettingsError(["a", "b"], hint="c")))
    assert isinstance(error, SettingsError)
    assert (error.problems, error.message, error.hint) == (("a", "b"), "a\nb", "c")
