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
20    the Flink cluster does not answer
21    the savepoint or checkpoint does not exist or is not complete; or there is none to recover from
22    the path belongs to another environment of the file of environments
23    the job runs already on the cluster
24    the job does not run, or this machine has no record of the version that runs
25    the job was submitted and failed before its first checkpoint; it was cancelled
26    the cluster has not enough slots for the job
27    the savepoint failed; the job keeps running unless `status` says otherwise
28    `redeploy`: the new version does not work, and the old version runs again from the same savepoint
29    `redeploy`: neither the new version nor the old one works; no version runs
30    a step of a command for a job on Flink has not finished in time
31    `flink run` or the cluster refused the job; it was not submitted
130   stopped immediately by a second Ctrl+C or SIGTERM; the next run processes uncommitted events again. Of all
      other commands than `run`: stopped before it was done
====  ==============================================================================================
"""

from __future__ import annotations

from enum import IntEnum

from wikistate.cli.output import print_line
from wikistate.errors import Domain, ErrorLimitError, SettingsError, WikistateError
from wikistate.ops.flink_jobs.failures import FlinkJobError


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
    CLUSTER_UNAVAILABLE = 20
    SNAPSHOT_MISSING = 21
    FOREIGN_PATH = 22
    ALREADY_RUNNING = 23
    NOT_RUNNING = 24
    FAILED_AT_START = 25
    NOT_ENOUGH_SLOTS = 26
    SAVEPOINT_FAILED = 27
    ROLLED_BACK = 28
    ROLLBACK_FAILED = 29
    TIMED_OUT = 30
    SUBMISSION_FAILED = 31
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
    if isinstance(error, FlinkJobError):
        return Exit[error.failure.name]
    return Exit.ERROR_LIMIT if isinstance(error, ErrorLimitError) else _BY_DOMAIN[error.domain]
