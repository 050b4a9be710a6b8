"""A real MediaWiki with SQLite and the web server of PHP, for tests that verify the fake wiki."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support import debian
from tests.support.action_client import ActionClient
from tests.support.processes import Process, find_free_port

from wikistate.errors import PartError, WikiError
from wikistate.ops.cache import cache_folder, lock_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PHP_PACKAGES = ("php-cli", "php-sqlite3", "php-mbstring", "php-xml", "php-intl", "php-curl", "php-apcu")
_PHP_MODULES = frozenset({"pdo_sqlite", "mbstring", "xml", "intl", "curl", "apcu"})
_PACKAGES = ("mediawiki", "mediawiki-classes")

_ADMIN = "Admin"
_WORKERS = 4
_START = 60.0  # seconds; 2 are usual

_SETTINGS = """
// No job runs in the background: each effect that a test observes is an effect of its request.
$wgJobRunRate = 0;
$wgMainCacheType = CACHE_ACCEL;
// Sessions are not in APCu, as it drops all entries when it is full, and with them the logins.
$wgSessionCacheType = CACHE_DB;
$wgPasswordAttemptThrottle = [];
$wgEnableEmail = false;
// By default MediaWiki has no user group with the right to hide revisions.
$wgGroupPermissions['sysop']['deleterevision'] = true;
$wgGroupPermissions['sysop']['deletelogentry'] = true;
$wgGroupPermissions['sysop']['suppressrevision'] = true;
$wgGroupPermissions['sysop']['viewsuppressed'] = true;
"""


def fetch_mediawiki() -> Path:
    """Return the source tree of MediaWiki from the Debian package, and install PHP if it is missing.

    The packages are unpacked into the cache and not installed: their installation brings a web server that starts
    automatically.

    Raises:
        PartError: They are not available on this machine.
    """
    if not _php_modules() >= _PHP_MODULES:
        debian.install(_PHP_PACKAGES)
    version = debian.candidate_version("mediawiki").partition(":")[2]
    with lock_folder(cache_folder() / "mediawiki") as folder:
        tree = folder / version
        if not tree.exists():
            _unpack(tree)
        return tree


class RealMediaWiki:
    """Fresh wiki with one page and one administrator.

    Args:
        folder: Folder of its database, settings and log. It must be empty or not exist.
        settings: Lines of PHP behind the other settings.
    """

    def __init__(self, folder: Path, *, settings: str = "") -> None:
        self._settings = settings
        self.log = folder / "mediawiki.log"
        self.host = f"127.0.0.1:{find_free_port()}"
        self._folder = folder
        self._password = secrets.token_urlsafe()
        self._client = ActionClient(self.host)
        self._process: Process | None = None

    @property
    def server(self) -> str:
        """Address of the wiki; ``/api.php`` and ``/index.php`` are below it."""
        return f"http://{self.host}"

    @property
    def api_url(self) -> str:
        """Address of its Action API."""
        return f"{self.server}/api.php"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Install the wiki if it is new, serve it, and wait until the administrator is logged in.

        The call blocks for some seconds.

        Raises:
            PartError: MediaWiki or PHP is not available, or the wiki does not start; shows the end of its log.
        """
        tree = fetch_mediawiki()
        settings = self._folder / "LocalSettings.php"
        if not settings.exists():
            self._install(tree, settings)
        self._process = Process(
            ["php", "-d", "opcache.enable=1", "-S", self.host, "-t", tree],
            log=self.log,
            environment={"MW_CONFIG_FILE": str(settings), "PHP_CLI_SERVER_WORKERS": str(_WORKERS)},
            folder=tree,
        )
        self._process.wait_until(self._is_ready, within=_START)
        self._client.log_in(_ADMIN, self._password)

    def stop(self) -> None:
        """Stop the wiki; its folder remains, and `start` serves it again on the same port."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill the wiki, also during a request."""
        if self._process is not None:
            self._process.kill()

    def call_api(self, parameters: Mapping[str, str | int]) -> dict[str, Any]:
        """Send one request to the Action API as administrator. Raises `WikiError` when the wiki refuses it."""
        return self._client.call(parameters)

    def edit(self, title: str, text: str, summary: str = "") -> int:
        """Create or edit a page and return the id of the new revision."""
        answer = self._client.call_with_token("edit", title=title, text=text, summary=summary)["edit"]
        if "newrevid" not in answer:
            raise WikiError(f"The edit of {title!r} did not create a revision: {answer}", title=title)
        return int(answer["newrevid"])

    def edit_many(self, pages: Sequence[tuple[str, str]]) -> list[int]:
        """Create or edit pages by title and text and return the revisions.

        It runs in one process without HTTP, with about fifty pages a second.

        Raises:
            WikiError: MediaWiki rejects a page; shows its message.
        """
        done = subprocess.run(
            ["php", Path(__file__).with_name("bulk_edit.php")],
            input="".join(f"{json.dumps(page)}\n" for page in pages),
            cwd=fetch_mediawiki(),
            env={**os.environ, "MW_CONFIG_FILE": str(self._folder / "LocalSettings.php")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise WikiError(f"The wiki rejected {len(pages)} edits: {done.stdout[-500:]}{done.stderr[-500:]}")
        return [int(line) for line in done.stdout.split()]

    def move(self, title: str, target: str, *, redirect: bool = True) -> None:
        """Move a page; with `redirect`, the old title becomes a redirect."""
        names = {"from": title, "to": target}
        self._client.call_with_token("move", **(names if redirect else {**names, "noredirect": "1"}))

    def delete(self, title: str) -> None:
        """Delete a page with all its revisions."""
        self._client.call_with_token("delete", title=title)

    def protect(self, title: str) -> None:
        """Restrict edits of a page to administrators."""
        self._client.call_with_token("protect", title=title, protections="edit=sysop", expiry="infinite")

    def unprotect(self, title: str) -> None:
        """End the protection of a page."""
        self._client.call_with_token("protect", title=title, protections="edit=all", expiry="infinite")

    def merge_history(self, source: str, target: str) -> None:
        """Move all revisions of a page to another, whose revisions must be newer; the page becomes a redirect."""
        self._client.call_with_token("mergehistory", **{"from": source, "to": target})

    def undelete(self, title: str) -> None:
        """Restore all revisions of a deleted page."""
        self._client.call_with_token("undelete", title=title)

    def hide_revision(self, revision: int, *, hide: str = "content", suppress: bool = False) -> None:
        """Hide parts of a revision: some of ``content|comment|user``; with `suppress`, from administrators as well."""
        level = "yes" if suppress else "nochange"
        self._client.call_with_token("revisiondelete", type="revision", ids=revision, hide=hide, suppress=level)

    def add_setting(self, line: str) -> None:
        """Append a line of PHP to the settings. PHP reads them again within some seconds."""
        with (self._folder / "LocalSettings.php").open("a") as file:
            file.write(f"{line}\n")

    def fetch_raw(self, revision: int) -> bytes:
        """Return the main slot of a revision from ``action=raw``, without the Action API."""
        return self._client.fetch_page({"action": "raw", "oldid": revision})

    def _install(self, tree: Path, settings: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # The installer of MediaWiki; see Manual:Install.php. Its settings name the port, so each wiki has its own settings.
        options = {
            "dbtype": "sqlite",
            "dbpath": self._folder,
            "dbname": "wiki",
            "server": self.server,
            "scriptpath": "",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        command = ["php", "maintenance/install.php", *words, f"--confpath={self._folder}", f"--pass={self._password}"]
        done = subprocess.run(
            [*command, "Test wiki", _ADMIN],
            cwd=tree,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PartError(
                f"The installer of MediaWiki failed (status {done.returncode}):\n{done.stdout}{done.stderr}"
            )
        with settings.open("a") as file:
            file.write(_SETTINGS + self._settings)

    def _is_ready(self) -> bool:
        try:
            return "query" in self._client.call({"action": "query", "meta": "tokens", "type": "login"})
        except WikiError:
            return False


def _php_modules() -> set[str]:
    if shutil.which("php") is None:
        return set()
    done = subprocess.run(["php", "-m"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return set(done.stdout.lower().split())


def _unpack(tree: Path) -> None:
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix=".unpack-") as name:
        scratch = tree.parent / name
        for package in debian.download(_PACKAGES, scratch):
            debian.unpack(package, scratch / "root")
        unpacked = scratch / "root" / "usr" / "share" / "mediawiki"
        # These links point to the installed package; the settings and uploads of the wiki are in its own folder.
        for link in [path for path in unpacked.iterdir() if path.is_symlink()]:
            link.unlink()
        (unpacked / "extensions-core").rename(unpacked / "extensions")
        unpacked.rename(tree)
