"""Real triple stores with SPARQL over HTTP, for tests and for local work."""

from __future__ import annotations

import signal
import sys
import urllib.error
import urllib.request
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.jars import declared_jars
from tests.support.java import java_program
from tests.support.processes import Process, find_free_port

from wikistate.errors import PartError
from wikistate.ops.jars import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

_START_TIMEOUT = 120.0  # seconds; 2 to 6 are usual on two cores
_QUERY_TIMEOUT = 2.0  # seconds for one query during the start


class StoreProcess(ABC):
    """Store on a port of the loopback interface.

    It keeps its port, and with a folder also its data: `start` runs it again after `stop` or `kill`.

    Args:
        folder: Folder of its data and log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "store.log"
        self.port = find_free_port()
        self._process: Process | None = None

    @property
    @abstractmethod
    def update_url(self) -> str:
        """URL of updates."""

    @property
    @abstractmethod
    def query_url(self) -> str:
        """URL of queries."""

    @abstractmethod
    def _start_command(self) -> Sequence[str | Path]:
        """Return the command that starts the store; it may prepare the folder."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the store and wait until it answers a query. Do nothing if it is running.

        Raises:
            PartError: The store is not available or does not start; shows the end of its log.
        """
        if self._process is not None and self._process.is_running:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {"FUSEKI_BASE": str(self.folder / "base")}
        self._process = Process(self._start_command(), log=self.log, environment=environment, folder=self.folder)
        self._process.wait_until(self._is_ready, within=_START_TIMEOUT)

    def stop(self) -> None:
        """Stop the store."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill the store, as a power failure would."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Suspend the store: connections stay open without responses."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the store after `pause`."""
        if self._process is not None:
            self._process.send(signal.SIGCONT)

    def update(self, text: str) -> None:
        """Send one update and wait for it. Raises `PartError` when the store rejects it."""
        request = urllib.request.Request(
            self.update_url, text.encode(), {"Content-Type": "application/sparql-update; charset=UTF-8"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_START_TIMEOUT) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise PartError(f"The store answers {error.code}: {error.read(400).decode()}") from error

    def _is_ready(self) -> bool:
        request = urllib.request.Request(
            self.query_url, b"ASK {}", {"Content-Type": "application/sparql-query", "Accept": "*/*"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_QUERY_TIMEOUT) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False


class OxigraphServer(StoreProcess):
    """Server of Oxigraph, from the package ``oxigraph`` of the extra ``dev``.

    Args:
        folder: Folder of its log.
        data: Folder of the store; memory when None.
        union: Whether the default graph of queries is the union of all graphs; that of updates never is.
    """

    def __init__(self, folder: Path, *, data: Path | None = None, union: bool = False) -> None:
        super().__init__(folder)
        self._data, self._union = data, union

    @property
    def update_url(self) -> str:
        """See `StoreProcess`."""
        return f"http://127.0.0.1:{self.port}/update"

    @property
    def query_url(self) -> str:
        """See `StoreProcess`."""
        return f"http://127.0.0.1:{self.port}/query"

    def _start_command(self) -> Sequence[str | Path]:
        program = Path(sys.executable).with_name("oxigraph")
        if not program.exists():
            raise PartError(f"There is no {program}.", hint="Install wikistate with its extra: pip install '.[dev]'.")
        data = [] if self._data is None else ["--location", str(self._data)]
        union = ["--union-default-graph"] if self._union else []
        return [program, "serve", "--bind", f"127.0.0.1:{self.port}", *data, *union]


class AuthenticatedOxigraphServer(OxigraphServer):
    """Server `tests.support.oxigraph_server` with `pyoxigraph` and a password.

    The server of Oxigraph has no authentication, like most stores: a proxy in front of them checks the password.

    Args:
        folder: Folder of its log.
        password: Password of a user of any name, or bearer token; each request needs one of these.
        data: Folder of the store; memory when None.
    """

    def __init__(self, folder: Path, password: str, *, data: Path | None = None) -> None:
        super().__init__(folder, data=data)
        self._password = password

    def _start_command(self) -> Sequence[str | Path]:
        data = [] if self._data is None else ["--data", str(self._data)]
        server: list[str | Path] = [
            sys.executable,
            Path(__file__).with_name("oxigraph_server.py"),
            "--port",
            str(self.port),
        ]
        return [*server, *data, "--password", self._password]

    def _is_ready(self) -> bool:
        try:
            urllib.request.urlopen(self.query_url, timeout=_QUERY_TIMEOUT).close()
        except urllib.error.HTTPError as error:
            error.close()
            return error.code == 401
        except OSError:
            return False
        return False


class FusekiServer(StoreProcess):
    """Apache Jena Fuseki with one data set.

    Args:
        folder: Folder of its log.
        data: Folder of the data set, a TDB2 database; memory when None.
    """

    def __init__(self, folder: Path, *, data: Path | None = None) -> None:
        super().__init__(folder)
        self._data = data

    @property
    def update_url(self) -> str:
        """See `StoreProcess`."""
        return f"http://127.0.0.1:{self.port}/store/update"

    @property
    def query_url(self) -> str:
        """See `StoreProcess`."""
        return f"http://127.0.0.1:{self.port}/store/query"

    def _start_command(self) -> Sequence[str | Path]:
        (jar,) = fetch(declared_jars("fuseki"))
        storage = ["--mem"] if self._data is None else ["--tdb2", f"--loc={self._data}"]
        if self._data is not None:
            self._data.mkdir(parents=True, exist_ok=True)
        options = ["--localhost", f"--port={self.port}", *storage, "--update", "/store"]
        return [*_java_command("1g"), "-jar", jar, *options]


class BlazegraphServer(StoreProcess):
    """Blazegraph with one namespace, in a journal in the folder.

    Args:
        folder: Folder of its data and log.
        quads: Whether triples may be in named graphs; then the default graph of queries is their union.
        inline_times: Whether times are held as milliseconds, as by default, and not as literals.
    """

    def __init__(self, folder: Path, *, quads: bool = False, inline_times: bool = False) -> None:
        super().__init__(folder)
        self._quads, self._inline_times = quads, inline_times

    @property
    def update_url(self) -> str:
        """See `StoreProcess`."""
        return f"http://127.0.0.1:{self.port}/blazegraph/namespace/kb/sparql"

    @property
    def query_url(self) -> str:
        """See `StoreProcess`."""
        return self.update_url

    def _start_command(self) -> Sequence[str | Path]:
        (jar,) = fetch(declared_jars("blazegraph"))
        # With Java 17 it does not find its web files inside its jar, and it needs the URL of their folder.
        if not (self.folder / "war").exists():
            with zipfile.ZipFile(jar) as archive:
                names = [name for name in archive.namelist() if name.startswith("war/") or name == "jetty.xml"]
                archive.extractall(self.folder, names)
        properties = self.folder / "journal.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        return [
            *_java_command("1g"),
            "-Djetty.host=127.0.0.1",
            f"-Djetty.home={(self.folder / 'war').as_uri()}/",
            "-cp",
            jar,
            "com.bigdata.rdf.sail.webapp.NanoSparqlServer",
            "-jettyXml",
            self.folder / "war" / "jetty.xml",
            str(self.port),
            "kb",
            properties,
        ]

    def _properties(self) -> dict[str, str]:
        """Return the settings: no inference and full text, as in query services of Wikibases, and times as literals.

        Otherwise Blazegraph stores a time as milliseconds in 64 bits, which overflow for years of astronomy and geology.
        """
        return {
            "com.bigdata.journal.AbstractJournal.file": str(self.folder / "journal.jnl"),
            "com.bigdata.journal.AbstractJournal.bufferMode": "DiskRW",
            "com.bigdata.rdf.store.AbstractTripleStore.quads": str(self._quads).lower(),
            "com.bigdata.rdf.store.AbstractTripleStore.axiomsClass": "com.bigdata.rdf.axioms.NoAxioms",
            "com.bigdata.rdf.store.AbstractTripleStore.statementIdentifiers": "false",
            "com.bigdata.rdf.store.AbstractTripleStore.textIndex": "false",
            "com.bigdata.rdf.store.AbstractTripleStore.inlineDateTimes": str(self._inline_times).lower(),
            "com.bigdata.rdf.sail.truthMaintenance": "false",
        }


def _java_command(heap: str) -> list[str | Path]:
    # As for the broker: on two cores it starts in half the time.
    return [java_program(), "-Xms64m", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
