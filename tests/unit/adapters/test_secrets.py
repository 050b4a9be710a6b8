"""Secrets in files and variables, and the properties and settings that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.http.addresses import is_http_url, require_encrypted
from wikistate.adapters.http.credentials import Basic, Bearer, resolve_authentication
from wikistate.adapters.secrets import MAX_SECRET_BYTES, read_secret, resolve_properties
from wikistate.config.authentication import HttpAuthentication
from wikistate.errors import ConfigError
from wikistate.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "hunter2-hunter2"


@pytest.mark.parametrize("content", [b"secret\n", b"\xef\xbb\xbfsecret\r\n", b" secret "])
def test_secret_of_a_file_has_no_mark_and_no_space(tmp_path: Path, content: bytes) -> None:
    """Editors add both, and a password with them would be refused."""
    (tmp_path / "secret").write_bytes(content)
    assert read_secret(file=tmp_path / "secret").reveal() == "secret"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf\n", "secret".encode("utf-16"), b"x" * (MAX_SECRET_BYTES + 1)])
def test_file_without_a_secret_is_an_error(tmp_path: Path, content: bytes) -> None:
    """It is empty, has another encoding, or is another file."""
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match="secret"):
        read_secret(file=tmp_path / "secret")


@pytest.mark.parametrize("name", ["missing", "."])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """The error names the file and the reason of the system."""
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_secret(file=tmp_path / name)
    assert str(tmp_path / name) in caught.value.message


def test_path_of_a_secret_may_begin_with_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path begins at the working directory."""
    (tmp_path / "secret").write_text(TEXT)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve_properties({"sasl.password_file": "~/secret"}, key="k") == {"sasl.password": Secret(TEXT)}
    assert resolve_properties({"sasl.password_file": "secret"}, key="k") == {"sasl.password": Secret(TEXT)}


@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"])
def test_secret_of_kafka_may_be_in_a_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The suffix is that of all settings that name a secret. The variable takes precedence, as for wikis."""
    monkeypatch.setenv("KAFKA_SECRET", f"{TEXT}\n")
    properties: dict[str, str | Secret] = {"acks": "all", f"{name}_env": "KAFKA_SECRET", f"{name}_file": "missing"}
    assert resolve_properties(properties, key="k") == {"acks": "all", name: Secret(TEXT)}


def test_other_properties_with_such_an_ending_stay() -> None:
    """They are unknown, which the client reports."""
    assert resolve_properties({"acks_env": "x", "client.id_file": "y"}, key="k") == {
        "acks_env": "x",
        "client.id_file": "y",
    }


def test_secret_that_is_stated_twice_is_an_error() -> None:
    """Neither of the two may be ignored silently."""
    with pytest.raises(ConfigError, match=r"k\.sasl\.password is stated twice") as caught:
        resolve_properties({"sasl.password": Secret(TEXT), "sasl.password_env": "x"}, key="k")
    assert TEXT not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (HttpAuthentication(user="me"), "no password"),
        (HttpAuthentication(password=Secret(TEXT)), "no user"),
        (HttpAuthentication(user="me", password=Secret(TEXT), password_env="X"), "Leave one of them out"),
        (HttpAuthentication(user="me", password_env="NOT_SET"), "holds no secret"),
        (HttpAuthentication(token_file="missing"), "cannot be read"),
    ],
)
def test_incomplete_authentication_is_an_error(settings: HttpAuthentication, message: str) -> None:
    """The error names the setting to add."""
    with pytest.raises(ConfigError) as caught:
        resolve_authentication(settings, urls=["https://a.example"], key="store.authentication")
    assert message in str(caught.value)
    assert TEXT not in str(caught.value)


def test_header_has_the_secret_and_the_credential_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the request has it."""
    monkeypatch.setenv("TOKEN", TEXT)
    settings = HttpAuthentication(user="me", password=Secret(TEXT))
    basic = resolve_authentication(settings, urls=["https://a.example"], key="k")
    bearer = resolve_authentication(HttpAuthentication(token_env="TOKEN"), urls=["https://a.example"], key="k")
    assert isinstance(basic, Basic)
    assert basic.header == "Basic bWU6aHVudGVyMi1odW50ZXIy"
    assert isinstance(bearer, Bearer)
    assert bearer.header == f"Bearer {TEXT}"
    assert (
        TEXT not in f"{settings!r} {settings} {basic!r} {bearer!r} {settings.model_dump_json()} {settings.model_dump()}"
    )


@pytest.mark.parametrize("url", ["https://a.example", "http://127.0.0.1:1", "http://localhost", "http://[::1]:3"])
def test_secret_may_go_to_an_encrypted_or_local_server(url: str) -> None:
    """No message of another machine is needed to reach them."""
    require_encrypted(url, key="k", hint="", allowed=False)


@pytest.mark.parametrize(
    "url", ["http://a.example", "http://10.0.0.1", "http://localhost.example", "HTTP://b", "http://[::2]"]
)
def test_secret_is_not_sent_unencrypted_unless_it_is_permitted(url: str) -> None:
    """The rule is one for wikis, stores, streams and schemas."""
    with pytest.raises(ConfigError, match="unencrypted") as caught:
        require_encrypted(url, key="store.authentication", hint="Use an https URL.", allowed=False)
    assert "store.authentication.allow_unencrypted" in caught.value.hint
    require_encrypted(url, key="store.authentication", hint="", allowed=True)


@pytest.mark.parametrize("text", ["", "http://", "http://[", "ftp://a", "file:x", "//a", "http://a b:c"])
def test_text_that_is_not_an_address_is_recognised(text: str) -> None:
    """A bracket in the host is an error of the parser."""
    assert not is_http_url(text)
