"""What gets written on which wiki: new pages of every kind, and what an edit makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.testing import prose, structured
from wikistate.testing.pages import Page, RedirectLink, Slot, Wiki, slot

if TYPE_CHECKING:
    from random import Random

    from wikistate.testing.prose import Bank

SPECIAL = -1
"""A virtual namespace: redirects may point into it, pages never lie in it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A page that is about to be created. `title` is prefixed."""

    title: str
    slots: tuple[Slot, ...]
    namespace: int = 0
    redirect: RedirectLink | None = None


class Desk:
    """Where the pages of one wiki are written. Titles are never used twice."""

    def __init__(self, wiki: Wiki, phrases: Bank, rng: Random) -> None:
        self._wiki = wiki
        self._phrases = phrases
        self._rng = rng
        self._taken: set[str] = set()
        self._items = rng.randrange(138_000_000, 139_000_000)

    def draft(self) -> Draft:
        """A new page."""
        chance = self._rng.random()
        if self._wiki.wiki_id == "wikidatawiki" and chance < 0.9:
            return self._item()
        if self._wiki.wiki_id == "commonswiki" and chance < 0.9:
            return self._file()
        if chance < 0.72:
            return self._article()
        if chance < 0.84:
            return self._discussion()
        return self._technical() if chance < 0.92 else self._redirect()

    def title(self, namespace: int, suffix: str = "") -> str:
        """A fresh title in this namespace."""
        prefix = self._wiki.namespaces[namespace]
        title = base = f"{prefix}:" * bool(prefix) + prose.title(self._phrases, self._rng)
        while title + suffix in self._taken:
            title = f"{base} ({self._rng.choice(self._phrases.names)}, {self._rng.randrange(1200, 2025)})"
        self._taken.add(title + suffix)
        return title + suffix

    def amended(self, slots: tuple[Slot, ...], rev_id: int) -> tuple[Slot, ...]:
        """The slots after an edit of one of them; the others are taken over from revision `rev_id`."""
        place = self._rng.randrange(len(slots))
        return tuple(
            self._amended(part) if number == place else inherited(part, rev_id) for number, part in enumerate(slots)
        )

    def _amended(self, part: Slot) -> Slot:
        rng = self._rng
        match part.model:
            case "wikibase-item":
                text = structured.amended_item(part.text, rng)
            case "wikibase-mediainfo":
                text = structured.caption(f"M{rng.randrange(100_000_000)}", rng)
            case "json":
                text = structured.settings(rng)
            case "css":
                text = structured.stylesheet(rng)
            case "Scribunto":
                text = structured.module("rewritten", rng)
            case _:
                text = prose.amended(self._phrases, rng, part.text)
        return slot(text, model=part.model, role=part.role)

    def _article(self) -> Draft:
        title = self.title(0)
        if self._rng.random() < 0.01:
            return Draft(title, (slot(""),))  # pages can be empty
        category = self._wiki.namespaces.get(14, "Category")
        return Draft(title, (slot(prose.article(self._phrases, self._rng, subject=title, category=category)),))

    def _discussion(self) -> Draft:
        return Draft(self.title(1), (slot(prose.discussion(self._phrases, self._rng)),), 1)

    def _technical(self) -> Draft:
        match self._rng.randrange(4):
            case 0:
                title = self.title(828)
                return Draft(title, (slot(structured.module(title, self._rng), model="Scribunto"),), 828)
            case 1:
                return Draft(self.title(2, "/common.css"), (slot(structured.stylesheet(self._rng), model="css"),), 2)
            case 2:
                return Draft(self.title(2, "/steps.json"), (slot(structured.settings(self._rng), model="json"),), 2)
            case _:
                text = "<includeonly>{{{1|?}}}</includeonly><noinclude>{{documentation}}</noinclude>"
                return Draft(self.title(10), (slot(text),), 10)

    def _redirect(self) -> Draft:
        if self._rng.random() < 0.2:
            link = RedirectLink("Special:RecentChanges", SPECIAL)
        else:
            link = RedirectLink(prose.title(self._phrases, self._rng))
        return Draft(self.title(0), (slot(f"#REDIRECT [[{link.title}]]"),), 0, link)

    def _item(self) -> Draft:
        self._items += self._rng.randrange(1, 30)
        title = f"Q{self._items}"
        return Draft(title, (slot(structured.item(title, self._rng), model="wikibase-item"),))

    def _file(self) -> Draft:
        title = self.title(6, ".jpg")
        subject = title.removeprefix("File:").removesuffix(".jpg")
        page = slot(structured.file_page(subject, self._rng.choice(self._phrases.users)))
        media_id = f"M{self._rng.randrange(100_000_000, 180_000_000)}"
        labels = slot(structured.caption(media_id, self._rng), model="wikibase-mediainfo", role="mediainfo")
        return Draft(title, (page, labels), 6)


def inherited(part: Slot, rev_id: int) -> Slot:
    """The slot as the next revision holds it when it is left alone: it remembers where it was saved first."""
    return part if part.origin else part._replace(origin=rev_id)


def redirect(target: Page, *, title: str) -> Draft:
    """A redirect under `title` to a page of the same wiki."""
    link = RedirectLink(target.title, target.namespace, target.page_id, item_id=target.item_id)
    return Draft(title, (slot(f"#REDIRECT [[{target.title}]]"),), target.namespace, link)
