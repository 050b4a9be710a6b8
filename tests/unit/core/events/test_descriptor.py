from __future__ import annotations

import pytest

from wikistate.core.events.descriptor import Descriptor
from wikistate.errors import ConfigError


@pytest.mark.parametrize(
    "text", ["mediawiki.page_change.v1:1.7.0", "mediawiki.page_change.v1:latest", "mw-job_enrich.error:10.20.30"]
)
def test_descriptor_is_read_as_it_was_written(text: str) -> None:
    """Stream and version are parsed and written back unchanged."""
    descriptor = Descriptor.parse(text)
    assert str(descriptor) == text
    assert (descriptor.stream, descriptor.version) == tuple(text.split(":"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "s",
        "s:",
        ":1.0.0",
        "s:1.0",
        "s:v1.0.0",
        "s:01.0.0",
        "s:1.0.0:2",
        "s :1.0.0",
        "/r/:1.0.0",
        "s:1.0.0\n",
        "s:1.0.0-rc",
    ],
)
def test_descriptor_without_both_parts_is_a_config_error(text: str) -> None:
    """The error names the setting, the value, and the allowed form."""
    with pytest.raises(ConfigError) as caught:
        Descriptor.parse(text, key="stream_manager.source.stream")
    assert caught.value.ids["key"] == "stream_manager.source.stream"
    assert repr(text) in caught.value.message
    assert "latest" in caught.value.hint
