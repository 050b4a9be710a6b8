"""A real MediaWiki on SQLite and PHP's own web server, for tests against what we otherwise imitate."""

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
// Nothing happens behind a request's back: what a test sees is what the request did.
$wgJobRunRate = 0;
$wgMainCacheType = CACHE_ACCEL;
// Not with the other things: APCu forgets everything at once when it is full, and with it who is logged in.
$wgSessionCacheType = CACHE_DB;
$wgPasswordAttemptThrottle = [];
$wgEnableEmail = false;
// The wiki's own default lets no one hide revisions.
$wgGroupPermissions['sysop']['deleterevision'] = true;
$wgGroupPermissions['sysop']['deletelogentry'] = true;
$wgGroupPermissions['sysop']['suppressrevision'] = true;
$wgGroupPermissions['sysop']['viewsuppressed'] = true;
"""


def fetch_mediawiki() -> Path:
    """MediaWiki's source tree, as Debian ships it, and a PHP that can run it.

    The packages are unpacked into the cache and not installed: installed, they bring a web server that starts by
    itself. PHP is installed where it is missing.

    Raises:
        PartError: They cannot be had on this machine.
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
    """A wiki with one page and one administrator, fresh in its folder.

    Args:
        folder: Its database, settings and log. Must be empty or not there.
    """

    def __init__(self, folder: Path) -> None:
        self.log = folder / "mediawiki.log"
        self.host = f"127.0.0.1:{find_free_port()}"
        self._folder = folder
        self._password = secrets.token_urlsafe()
        self._client = ActionClient(self.host)
        self._process: Process | None = None

    @property
    def server(self) -> str:
        """The wiki's address; ``/api.php`` and ``/index.php`` stand below it."""
        return f"http://{self.host}"

    @property
    def api_url(self) -> str:
        """The address of its Action API."""
        return f"{self.server}/api.php"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Install it when it is new, serve it, and return when the administrator is logged in.

        Blocks for some seconds.

        Raises:
            PartError: MediaWiki or PHP cannot be had, or it does not come up; shows the end of its log.
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
        """End it; its folder stays, and `start` serves it again on the same port."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()

    def call_api(self, parameters: Mapping[str, str | int]) -> dict[str, Any]:
        """One request to the Action API as administrator. Raises `WikiError` when the wiki refuses."""
        return self._client.call(parameters)

    def edit(self, title: str, text: str, summary: str = "") -> int:
        """Write a page, which need not exist. Returns the new revision's id."""
        answer = self._client.call_with_token("edit", title=title, text=text, summary=summary)["edit"]
        if "newrevid" not in answer:
            raise WikiError(f"The edit of {title!r} made no revision: {answer}", title=title)
        return int(answer["newrevid"])

    def edit_many(self, pages: Sequence[tuple[str, str]]) -> list[int]:
        """Write pages by title and text, in one process and without HTTP: some fifty a second. Returns the revisions.

        Raises:
            WikiError: One could not be written; shows what MediaWiki says.
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
            raise WikiError(f"The wiki did not take {len(pages)} edits: {done.stdout[-500:]}{done.stderr[-500:]}")
        return [int(line) for line in done.stdout.split()]

    def move(self, title: str, target: str, *, redirect: bool = True) -> None:
        """Rename a page; with `redirect`, the old title leads to the new one."""
        names = {"from": title, "to": target}
        self._client.call_with_token("move", **(names if redirect else {**names, "noredirect": "1"}))

    def delete(self, title: str) -> None:
        """Delete a page with all its revisions."""
        self._client.call_with_token("delete", title=title)

    def undelete(self, title: str) -> None:
        """Bring back all revisions of a deleted page."""
        self._client.call_with_token("undelete", title=title)

    def hide_revision(self, revision: int, *, hide: str = "content", suppress: bool = False) -> None:
        """Hide parts of a revision: some of ``content|comment|user``; with `suppress`, from administrators as well."""
        level = "yes" if suppress else "nochange"
        self._client.call_with_token("revisiondelete", type="revision", ids=revision, hide=hide, suppress=level)

    def fetch_raw(self, revision: int) -> bytes:
        """A revision's main slot as ``action=raw`` serves it, by way of none of the Action API."""
        return self._client.fetch_page({"action": "raw", "oldid": revision})

    def _install(self, tree: Path, settings: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # MediaWiki's own installer; see Manual:Install.php. Its settings name the port, so there is one for each wiki.
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
            raise PartError(f"MediaWiki's installer failed (status {done.returncode}):\n{done.stdout}{done.stderr}")
        with settings.open("a") as file:
            file.write(_SETTINGS)

    def _is_ready(self) -> bool:
        try:
            return "query" in self._client.call({"action": "query", "meta": "siteinfo"})
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
        # Links to where the package would have been installed; the wiki's settings and uploads stand in its own folder.
        for link in [path for path in unpacked.iterdir() if path.is_symlink()]:
            link.unlink()
        (unpacked / "extensions-core").rename(unpacked / "extensions")
        unpacked.rename(tree)
