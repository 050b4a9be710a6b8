"""Exit codes, and the only place that turns an error into a message for the operator.

====  ==============================================================================================
0     done: the source ended, or a stop was requested and all events in flight were drained
1     a defect of wikistate; the traceback is shown, please report it
2     the settings or the command line are wrong; nothing was read
3     an input file or document is not valid
4     an external system failed: broker, file system, wiki, schema repository or store; also damaged state
5     more events failed than `error_limit` allows; the next run processes uncommitted events again
6     the store is further behind than `wikistate lag --max` allows
7     `wikistate store verify` found a difference between the store and the wiki, or could not compare most entities
8     most of what the run tried failed for the same reason (`failure_alarm`); the error stream has the events
130   stopped immediately by a second Ctrl+C or SIGTERM; the next run processes uncommitted events again. Of all
      other commands than `run`: stopped before it was done
====  ==============================================================================================
"""

from __future__ import annotations

from enum import IntEnum

from wikistate.cli.output import print_line
from wikistate.errors import Domain, ErrorLimitError, SettingsError, WikistateError


class Exit(IntEnum):
    """Exit codes of the process."""

    OK = 0
    INTERNAL = 1
    CONFIG = 2
    INPUT = 3
    EXTERNAL = 4
    ERROR_LIMIT = 5
    LAG_EXCEEDED = 6
    VERIFICATION_FAILED = 7
    MOST_FAILED = 8
    STOPPED_AT_ONCE = 130


_BY_DOMAIN = {
    Domain.CONFIG: Exit.CONFIG,
    Domain.INPUT: Exit.INPUT,
    Domain.EXTERNAL: Exit.EXTERNAL,
    Domain.INTERNAL: Exit.INTERNAL,
}


def report_error(error: WikistateError) -> Exit:
    """Print an error to standard error and return the exit code."""
    first, *others = error.problems if isinstance(error, SettingsError) else (error.message,)
    print_line(f"wikistate: {first}", stderr=True)
    for line in (*others, error.hint):
        if line:
            print_line(line, stderr=True)
    return Exit.ERROR_LIMIT if isinstance(error, ErrorLimitError) else _BY_DOMAIN[error.domain]
