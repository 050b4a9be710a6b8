"""Exit codes, and the one place where an error becomes what the operator sees.

====  ==============================================================================================
0     done: the source ended, or a stop was asked for and everything read was finished
1     a defect of ours; the traceback is shown, please report it
2     the settings or the command line are wrong; nothing was read
3     an input file or document is not what it must be
4     something outside does not do its part: broker, file system, wiki, schema repository
5     more events failed than `error_limit` allows; what was not committed is done by the next run
6     the store is further behind than `wikistate lag --max` allows
7     `wikistate store verify` found what differs from the wiki
130   stopped at once by a second Ctrl+C or SIGTERM; what was not committed is done by the next run
====  ==============================================================================================
"""

from __future__ import annotations

import sys
from enum import IntEnum

from wikistate.errors import Domain, ErrorLimitError, WikistateError


class Exit(IntEnum):
    """What the process tells its parent."""

    OK = 0
    INTERNAL = 1
    CONFIG = 2
    INPUT = 3
    EXTERNAL = 4
    ERROR_LIMIT = 5
    LAG_EXCEEDED = 6
    VERIFICATION_FAILED = 7
    STOPPED_AT_ONCE = 130


_BY_DOMAIN = {
    Domain.CONFIG: Exit.CONFIG,
    Domain.INPUT: Exit.INPUT,
    Domain.EXTERNAL: Exit.EXTERNAL,
    Domain.INTERNAL: Exit.INTERNAL,
}


def report_error(error: WikistateError) -> Exit:
    """Prints an error to standard error and says with which code to exit."""
    print(f"wikistate: {error.message}", file=sys.stderr)  # noqa: T201  (a command's voice)
    if error.hint:
        print(error.hint.strip("\n"), file=sys.stderr)  # noqa: T201
    return Exit.ERROR_LIMIT if isinstance(error, ErrorLimitError) else _BY_DOMAIN[error.domain]
