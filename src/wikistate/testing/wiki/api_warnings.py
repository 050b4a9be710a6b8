"""Warnings of the Action API about requests that it accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.testing.wiki.revision_format import SLOT_PROPS, RevisionFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROPS = ("info", "revisions")
"""Values of ``prop`` that this wiki supports."""

_COMMON_PARAMETERS = (
    "action|format|formatversion|errorformat|maxlag|utf8|ascii|assert|origin|crossorigin|requestid|servedby|curtimestamp"
    "|smaxage|maxage|uselang|responselanginfo|prop|meta|titles|pageids|revids|redirects|continue|rawcontinue"
)
PARAMETERS = frozenset(_COMMON_PARAMETERS.split("|"))
"""Parameters without a warning."""

REDIRECTS_NOT_RESOLVED = (
    'Redirect resolution cannot be used together with the "revids" parameter. Any redirects the "revids" point to '
    "have not been resolved."
)
LEGACY_FORMAT = (
    'Because "rvslots" was not specified, a legacy format has been used for the output. This format is deprecated, '
    "and in the future the new format will always be used."
)


def collect_warnings(params: Mapping[str, str], shape: RevisionFormat, *, truncated_at: int | None) -> dict[str, str]:
    """Return the warnings about a query by the module that emits them.

    Args:
        params: Parameters of the request.
        shape: Format of the revisions.
        truncated_at: Size limit in bytes that the whole result would exceed; None if it fits.
    """
    found: dict[str, str] = {}
    if unknown := [name for name in params if name not in PARAMETERS and not _is_module_parameter(name, params)]:
        found["main"] = f"Unrecognized parameter{_plural_suffix(unknown)}: {', '.join(unknown)}."
    if truncated_at is not None:
        found["result"] = (
            f"This result was truncated because it would otherwise be larger than the limit of {truncated_at:,} bytes."
        )
    if unknown := [name for name in params.get("prop", "").split("|") if name and name not in PROPS]:
        found["query"] = _describe_unrecognized("prop", unknown)
    elif "redirects" in params and "revids" in params:
        found["query"] = REDIRECTS_NOT_RESOLVED
    return found | _revision_warnings(shape) if _has_revisions(params) else found


def _revision_warnings(shape: RevisionFormat) -> dict[str, str]:
    if shape.unknown:
        return {"revisions": _describe_unrecognized("rvprop", shape.unknown)}
    return {"revisions": LEGACY_FORMAT} if shape.roles is None and shape.props & SLOT_PROPS else {}


def _is_module_parameter(name: str, params: Mapping[str, str]) -> bool:
    return (name.startswith("rv") and _has_revisions(params)) or (name == "siprop" and "meta" in params)


def _has_revisions(params: Mapping[str, str]) -> bool:
    return "revisions" in params.get("prop", "").split("|")


def _describe_unrecognized(parameter: str, values: Sequence[str]) -> str:
    return f'Unrecognized value{_plural_suffix(values)} for parameter "{parameter}": {", ".join(values)}'


def _plural_suffix(things: Sequence[str]) -> str:
    return "s" if len(things) > 1 else ""
