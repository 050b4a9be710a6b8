"""The base class of all groups of settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from wikistate.secret import mask_values

MIB = 1024 * 1024


class Settings(BaseModel):
    """A group of settings: an immutable value that rejects undeclared keys. No output of it holds a secret."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @model_serializer(mode="wrap")
    def _mask_output(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        values: dict[str, Any] = serialize(self)
        return mask_values(values) if info.mode == "json" else values

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [(name, mask_values(value)) for name, value in super().__repr_args__()]
