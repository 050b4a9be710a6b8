"""What the API remarks on without refusing the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.testing.wiki.shapes import SLOT_PROPS, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROPS = ("info", "revisions")
"""The values of ``prop`` that this wiki knows."""

_EVERYWHERE = (
    "action|format|formatversion|errorformat|maxlag|utf8|ascii|assert|origin|crossorigin|requestid|servedby|curtimestamp"
    "|smaxage|maxage|uselang|responselanginfo|prop|meta|titles|pageids|revids|redirects|continue|rawcontinue"
)
PARAMETERS = frozenset(_EVERYWHERE.split("|"))
"""Parameters that need no remark."""

UNRESOLVED = (
    'Redirect resolution cannot be used together with the "revids" parameter. Any redirects the "revids" point to '
    "have not been resolved."
)
LEGACY = (
    'Because "rvslots" was not specified, a legacy format has been used for the output. This format is deprecated, '
    "and in the future the new format will always be used."
)


def warnings(params: Mapping[str, str], shape: Shape, *, truncated_at: int | None) -> dict[str, str]:
    """The remarks on a query, by the module that makes them.

    Args:
        params: The request's parameters.
        shape: What is shown of a revision.
        truncated_at: The size in bytes that the result would have exceeded, None if it did not.
    """
    found: dict[str, str] = {}
    if unknown := [name for name in params if name not in PARAMETERS and not _is_of_a_module(name, params)]:
        found["main"] = f"Unrecognized parameter{_plural(unknown)}: {', '.join(unknown)}."
    if truncated_at is not None:
        found["result"] = (
            f"This result was truncated because it would otherwise be larger than the limit of {truncated_at:,} bytes."
        )
    if unknown := [name for name in params.get("prop", "").split("|") if name and name not in PROPS]:
        found["query"] = _unrecognized("prop", unknown)
    elif "redirects" in params and "revids" in params:
        found["query"] = UNRESOLVED
    return found | _on_revisions(shape) if _has_revisions(params) else found


def _on_revisions(shape: Shape) -> dict[str, str]:
    if shape.unknown:
        return {"revisions": _unrecognized("rvprop", shape.unknown)}
    return {"revisions": LEGACY} if shape.roles is None and shape.props & SLOT_PROPS else {}


def _is_of_a_module(name: str, params: Mapping[str, str]) -> bool:
    return (name.startswith("rv") and _has_revisions(params)) or (name == "siprop" and "meta" in params)


def _has_revisions(params: Mapping[str, str]) -> bool:
    return "revisions" in params.get("prop", "").split("|")


def _unrecognized(parameter: str, values: Sequence[str]) -> str:
    return f'Unrecognized value{_plural(values)} for parameter "{parameter}": {", ".join(values)}'


def _plural(things: Sequence[str]) -> str:
    return "s" if len(things) > 1 else ""
