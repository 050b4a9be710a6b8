"""Generation of page content: new pages of every kind, and edits of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.demo import structured_content, wikitext
from wikistate.demo.pages import Page, RedirectLink, Slot, Wiki, make_slot

if TYPE_CHECKING:
    from random import Random

    from wikistate.demo.wikitext import PhraseBank

SPECIAL_NAMESPACE = -1
"""Virtual namespace: redirects may point into it, but it has no pages."""


@dataclass(frozen=True, slots=True)
class Draft:
    """New page before its creation. `title` is prefixed."""

    title: str
    slots: tuple[Slot, ...]
    namespace: int = 0
    redirect: RedirectLink | None = None


class ContentGenerator:
    """Generator of the pages of one wiki. Titles are unique."""

    def __init__(self, wiki: Wiki, phrases: PhraseBank, rng: Random) -> None:
        self._wiki = wiki
        self._phrases = phrases
        self._rng = rng
        self._used_titles: set[str] = set()
        self._last_item_number = rng.randrange(138_000_000, 139_000_000)

    def generate_page(self) -> Draft:
        """Generate a new page of a random kind."""
        chance = self._rng.random()
        if self._wiki.wiki_id == "wikidatawiki" and chance < 0.9:
            return self._generate_item()
        if self._wiki.wiki_id == "commonswiki" and chance < 0.9:
            return self._generate_file()
        if chance < 0.72:
            return self._generate_article()
        if chance < 0.84:
            return self._generate_discussion()
        return self._generate_technical_page() if chance < 0.92 else self._generate_redirect()

    def generate_title(self, namespace: int, suffix: str = "") -> str:
        """Generate an unused title in this namespace."""
        prefix = self._wiki.namespaces[namespace]
        title = base = f"{prefix}:" * bool(prefix) + wikitext.make_title(self._phrases, self._rng)
        while title + suffix in self._used_titles:
            title = f"{base} ({self._rng.choice(self._phrases.names)}, {self._rng.randrange(1200, 2025)})"
        self._used_titles.add(title + suffix)
        return title + suffix

    def edit_slots(self, slots: tuple[Slot, ...], rev_id: int) -> tuple[Slot, ...]:
        """Return the slots after an edit of one of them; the others are inherited from revision `rev_id`."""
        place = self._rng.randrange(len(slots))
        return tuple(
            self._edit_slot(part) if number == place else inherit_slot(part, rev_id)
            for number, part in enumerate(slots)
        )

    def _edit_slot(self, part: Slot) -> Slot:
        rng = self._rng
        match part.model:
            case "wikibase-item":
                text = structured_content.edit_item(part.text, rng)
            case "wikibase-mediainfo":
                text = structured_content.make_caption(f"M{rng.randrange(100_000_000)}", rng)
            case "json":
                text = structured_content.make_json_page(rng)
            case "css":
                text = structured_content.make_stylesheet(rng)
            case "Scribunto":
                text = structured_content.make_lua_module("rewritten", rng)
            case _:
                text = wikitext.edit_text(self._phrases, rng, part.text)
        return make_slot(text, model=part.model, role=part.role)

    def _generate_article(self) -> Draft:
        title = self.generate_title(0)
        if self._rng.random() < 0.01:
            return Draft(title, (make_slot(""),))  # pages can be empty
        category = self._wiki.namespaces.get(14, "Category")
        return Draft(
            title, (make_slot(wikitext.make_article(self._phrases, self._rng, subject=title, category=category)),)
        )

    def _generate_discussion(self) -> Draft:
        return Draft(self.generate_title(1), (make_slot(wikitext.make_discussion(self._phrases, self._rng)),), 1)

    def _generate_technical_page(self) -> Draft:
        match self._rng.randrange(4):
            case 0:
                title = self.generate_title(828)
                return Draft(
                    title, (make_slot(structured_content.make_lua_module(title, self._rng), model="Scribunto"),), 828
                )
            case 1:
                return Draft(
                    self.generate_title(2, "/common.css"),
                    (make_slot(structured_content.make_stylesheet(self._rng), model="css"),),
                    2,
                )
            case 2:
                return Draft(
                    self.generate_title(2, "/steps.json"),
                    (make_slot(structured_content.make_json_page(self._rng), model="json"),),
                    2,
                )
            case _:
                text = "<includeonly>{{{1|?}}}</includeonly><noinclude>{{documentation}}</noinclude>"
                return Draft(self.generate_title(10), (make_slot(text),), 10)

    def _generate_redirect(self) -> Draft:
        if self._rng.random() < 0.2:
            link = RedirectLink("Special:RecentChanges", SPECIAL_NAMESPACE)
        else:
            link = RedirectLink(wikitext.make_title(self._phrases, self._rng))
        return Draft(self.generate_title(0), (make_slot(f"#REDIRECT [[{link.title}]]"),), 0, link)

    def _generate_item(self) -> Draft:
        self._last_item_number += self._rng.randrange(1, 30)
        title = f"Q{self._last_item_number}"
        return Draft(title, (make_slot(structured_content.make_item(title, self._rng), model="wikibase-item"),))

    def _generate_file(self) -> Draft:
        title = self.generate_title(6, ".jpg")
        subject = title.removeprefix("File:").removesuffix(".jpg")
        page = make_slot(structured_content.make_file_page(subject, self._rng.choice(self._phrases.users)))
        media_id = f"M{self._rng.randrange(100_000_000, 180_000_000)}"
        labels = make_slot(
            structured_content.make_caption(media_id, self._rng), model="wikibase-mediainfo", role="mediainfo"
        )
        return Draft(title, (page, labels), 6)


def inherit_slot(part: Slot, rev_id: int) -> Slot:
    """Return an unedited slot for the next revision; its `origin` is the revision that first saved it."""
    return part if part.origin else part._replace(origin=rev_id)


def make_redirect(target: Page, *, title: str) -> Draft:
    """Make a redirect with this title to a page of the same wiki."""
    link = RedirectLink(target.title, target.namespace, target.page_id, item_id=target.item_id)
    return Draft(title, (make_slot(f"#REDIRECT [[{target.title}]]"),), target.namespace, link)
