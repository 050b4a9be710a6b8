"""A real Kerberos realm: the key distribution centre of MIT, for tests of clients that log in by Kerberos."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING, Self

from tests.support import debian
from tests.support.processes import Process, find_free_port

from wikistate.errors import PartError
from wikistate.ops.cache import cache_folder, lock_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REALM = "WIKISTATE.TEST"

_PACKAGES = ("krb5-kdc", "krb5-admin-server", "krb5-user")
_LIBRARIES = re.compile(r"lib(gssapi-krb5|gssrpc|k5crypto|kadm5|kdb5|keyutils|krb5|verto|ev\d|ss\d|com-err)\S*")
_START_TIMEOUT = 30.0  # seconds; 1 is usual

_CLIENT_SETTINGS = """\
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
[realms]
{realm} = {{
kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
[dbmodules]
db_module_dir = {modules}
"""

_SERVER_SETTINGS = """\
[kdcdefaults]
kdc_listen = ""
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
database_name = {folder}/principal
key_stash_file = {folder}/stash
acl_file = {folder}/acl
}}
[logging]
kdc = STDERR
"""


def fetch_kerberos() -> Path:
    """Return a folder with the programs of MIT Kerberos and their libraries, from Debian packages.

    The packages are unpacked into the cache and not installed: their installation brings a service that starts
    automatically, and replaces the realm of the machine.

    Raises:
        PartError: They are not available on this machine.
    """
    version = debian.candidate_version(_PACKAGES[0])
    with lock_folder(cache_folder() / "kerberos") as folder:
        tree = folder / version
        if not tree.exists():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".unpack-") as name:
                scratch = folder / name
                for package in debian.download([*_PACKAGES, *_find_libraries()], scratch):
                    debian.unpack(package, scratch / "root")
                (scratch / "root").rename(tree)
        return tree


class KerberosRealm:
    """Realm with one key distribution centre on loopback. Services of this machine are named after ``localhost``.

    Args:
        folder: Folder of its database, settings, keys and log. It must not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "krb5.conf"
        """Settings for clients."""
        self._port = find_free_port()
        self._process: Process | None = None

    def __enter__(self) -> Self:
        """Create the realm and start its service. Raises `PartError`."""
        self._tree = fetch_kerberos()
        self.folder.mkdir(parents=True)
        libraries = [path for place in ("usr/lib", "lib") for path in self._tree.glob(f"{place}/*-linux-gnu")]
        modules = next(self._tree.glob("usr/lib/*/krb5/plugins/kdb"))
        names = {"realm": REALM, "port": self._port, "folder": self.folder, "modules": modules}
        self.settings.write_text(_CLIENT_SETTINGS.format(**names))
        (self.folder / "kdc.conf").write_text(_SERVER_SETTINGS.format(**names))
        self._environment = {
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "KRB5_CONFIG": str(self.settings),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
        }
        self._run("sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "of no use outside of this folder")
        log = self.folder / "kdc.log"
        self._process = Process([self._tree / "usr/sbin/krb5kdc", "-n"], log=log, environment=self._environment)
        self._process.wait_until(self._listens, within=_START_TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()

    def add_principal(self, name: str) -> Path:
        """Create a principal with a random key, and return the file with its key."""
        keytab = self.folder / f"{name.replace('/', '-')}.keytab"
        self._run("sbin/kadmin.local", "-r", REALM, "addprinc", "-randkey", name)
        self._run("sbin/kadmin.local", "-r", REALM, "ktadd", "-k", keytab, name)
        return keytab

    def log_in(self, principal: str, keytab: Path) -> Path:
        """Log in as `kinit` does, and return the file of the tickets."""
        cache = self.folder / f"{principal}.tickets"
        self._run("bin/kinit", "-c", f"FILE:{cache}", "-k", "-t", keytab, principal)
        return cache

    def read_log(self) -> str:
        """Return the log of the service: a line for each ticket."""
        return (self.folder / "kdc.log").read_text()

    def _run(self, program: str, *words: str | Path, environment: Mapping[str, str] | None = None) -> None:
        command = [str(word) for word in (self._tree / "usr" / program, *words)]
        settings = {**os.environ, **self._environment, **(environment or {})}
        done = subprocess.run(
            command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise PartError(f"{' '.join(command)} failed (status {done.returncode}):\n{done.stdout}{done.stderr}")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


def _find_libraries() -> list[str]:
    """Return the packages of the libraries of Kerberos, whose names differ between releases."""
    lines = debian.list_dependencies(_PACKAGES)
    return sorted({line for line in lines if _LIBRARIES.fullmatch(line)})
