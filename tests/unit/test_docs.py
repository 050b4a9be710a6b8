"""The documentation agrees with the code, and its links lead to files."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("bench/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
    ]
)


def generated() -> dict[str, str]:
    """Return the pages that docs/generate.py would write."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.build_pages()
    return pages


def test_reference_is_generated_from_the_code() -> None:
    """After a change of settings, metrics, the failure table or the command line run `make docs`."""
    assert {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "docs/reference").iterdir()} == generated()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_to_files(page: Path) -> None:
    """Only relative links are checked; links to the web are not followed."""
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_error_type_of_the_core_is_documented() -> None:
    """The page of the job lists the error types that the failure table lacks."""
    sources = [*ROOT.glob("src/wikistate/core/events/*.py"), *ROOT.glob("src/wikistate/jobs/*.py")]
    error_types = {kind for file in sources for kind in re.findall(r'RejectedEvent\(\s*"(\w+)"', file.read_text())}
    page = (ROOT / "docs/how-to/page-content-change.md").read_text(encoding="utf-8")
    assert len(error_types) > 8
    assert [kind for kind in sorted(error_types) if f"`{kind}`" not in page] == []


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/custom-enrichment.md", "docs/how-to/custom.md"])
def test_pages_show_the_tested_example(page: str) -> None:
    """An end-to-end test runs the code of the ten-line example."""
    example = (ROOT / "examples/people/people.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```" in (ROOT / page).read_text(encoding="utf-8")


def test_readme_fits_on_two_screens() -> None:
    """It has at most 90 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90
