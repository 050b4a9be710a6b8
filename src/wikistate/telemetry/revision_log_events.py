"""Log events about revisions that a wiki no longer shows, or does not show yet. See `log_events`."""

from __future__ import annotations

from wikistate.telemetry.log_event import LogEvent

REVISIONS = (
    LogEvent(
        "inventory_complete",
        "info",
        "The current revisions of {pages} pages were listed.",
        "From now on the deletion of any page names a revision.",
        ("pages",),
    ),
    LogEvent(
        "inventory_incomplete",
        "warning",
        "The current revisions of {pages} pages were listed; {unreadable} further pages cannot be read.",
        "The wiki describes some pages without their ids or revisions: check that no proxy changes its answers. The "
        "deletion of such a page is an error event unless the page was edited since.",
        ("pages", "unreadable"),
    ),
    LogEvent(
        "change_unreadable",
        "error",
        "A change of {wiki} cannot be read: {reason}.",
        "A row of its recent changes or of its log lacks a field, or the answers about the change do. It is an error event "
        "with the type `UnreadableChange`, and the job resumes with the next change. Check that no proxy changes the "
        "answers of the wiki. rdf-sync compares the entity of the row with the wiki.",
        ("wiki", "reason", "changed_at"),
    ),
    LogEvent(
        "inventory_too_large",
        "warning",
        "The wiki has more than {allowed} pages; the inventory ends after {pages}.",
        "The deletion of a page that was not listed and not edited since is an error event. Raise "
        "`options.inventory_pages`, or use an account with the right `deletedhistory`.",
        ("pages", "allowed"),
    ),
    LogEvent(
        "unseen_page_deleted",
        "info",
        "Page {page_id} of {wiki} was created and deleted between two requests; it has no event.",
        "No event has named the page, so no reader of the stream knows it. `log_id` is the log entry of the deletion.",
        ("wiki", "page_id", "log_id"),
    ),
    LogEvent(
        "revision_lookup_failed",
        "warning",
        "The Action API does not say whether a revision exists that EntityData does not show.",
        "Redirects to deleted entities cannot be read, and a replica that lags is not waited for. Set `rdf.wikibase`, or list "
        "the wiki under `wikis` with its API and credentials.",
        ("reason",),
    ),
    LogEvent(
        "entity_retry_scheduled",
        "warning",
        "The entity {entity} exists on the wiki and could not be fetched; it is compared again in {retry_in} s.",
        "The side event has the reason. rdf-sync compares the entity again at growing intervals of up to an hour, also after "
        "a restart, until the store holds its state. Until then the store may hold an older revision.",
        ("entity", "failures", "retry_in"),
    ),
    LogEvent(
        "retry_queue_full",
        "error",
        "{entities} entities could not be fetched; {entity} is not noted.",
        "The wiki does not serve most of its entities. Mend its cause, and then run `wikistate store verify --repair`.",
        ("entity", "entities"),
    ),
)
