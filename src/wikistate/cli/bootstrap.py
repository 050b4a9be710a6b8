"""``wikistate rdf-bootstrap``: makes the state that rdf-updater begins with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from wikistate.cli.exits import Exit
from wikistate.cli.settings import load_configuration
from wikistate.jobs import rdf_updater
from wikistate.ops.bootstrap import fill_state
from wikistate.wiring.rdf_updater import state_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wikistate.cli.settings import CliSettings


def bootstrap(lists: Sequence[Path], flags: CliSettings) -> Exit:
    """Fills the state of rdf-updater.

    Args:
        lists: Files with lines ``ENTITY,REVISION``.
        flags: What the command line says of settings.

    Raises:
        WikistateError: A list is not what it must be, or there is state already.
    """
    state = state_path(load_configuration(rdf_updater.NAME, flags).configuration)
    count = fill_state(lists, state)
    print(f"{state} knows {count:,} entities.", file=sys.stderr)  # noqa: T201  (a command's voice)
    return Exit.OK
