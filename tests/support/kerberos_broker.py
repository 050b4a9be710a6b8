"""A real Kafka broker with a second listener whose clients log in by Kerberos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.broker import KafkaBroker
from tests.support.java import fetch_complete_java
from tests.support.processes import find_free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kdc import KerberosRealm

SERVICE = "kafka/localhost"
"""Principal of the broker. Clients derive it from the name of its host."""


class KerberosKafkaBroker(KafkaBroker):
    """Broker in a realm. Tests use the first listener, because their client has no Kerberos; jobs use the second.

    Args:
        folder: Folder of its data, settings and log.
        realm: Running realm of the broker.
    """

    def __init__(self, folder: Path, realm: KerberosRealm) -> None:
        super().__init__(
            folder, java=fetch_complete_java(), java_options=[f"-Djava.security.krb5.conf={realm.settings}"]
        )
        self.kerberos_servers = f"localhost:{find_free_port()}"
        """Bootstrap servers for clients that log in by Kerberos."""
        listener = f"KERBEROS://{self.kerberos_servers}"
        keytab = realm.add_principal(SERVICE)
        for name in ("listeners", "advertised.listeners"):
            self._settings[name] += f",{listener}"
        self._settings["listener.security.protocol.map"] += ",KERBEROS:SASL_PLAINTEXT"
        self._settings |= {
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.kerberos.service.name": "kafka",
            "listener.name.kerberos.sasl.enabled.mechanisms": "GSSAPI",
            "listener.name.kerberos.gssapi.sasl.jaas.config": "com.sun.security.auth.module.Krb5LoginModule required "
            f'useKeyTab=true storeKey=true keyTab="{keytab}" principal="{SERVICE}";',
        }
