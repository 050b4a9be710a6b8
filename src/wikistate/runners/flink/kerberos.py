"""The login of an embedded cluster by Kerberos.

Flink's own commands log their process in by the options ``security.kerberos.*`` before they start a cluster. The JVM that
PyFlink starts for an embedded cluster does not, so that these options would have no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyflink.common import Configuration as FlinkConfiguration
from pyflink.java_gateway import get_gateway
from pyflink.util.exceptions import Py4JJavaError

from wikistate.adapters.connectors.kafka.java_client import asks_for_kerberos
from wikistate.errors import ConfigError
from wikistate.wiring.endpoints import KafkaSinkEndpoint, KafkaSourceEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.wiring.pipeline import FlinkPipeline

_PREFIX = "security.kerberos."
_CONTEXTS = {f"{_PREFIX}login.contexts": "KafkaClient"}
"""The login that the Java client of Kafka asks for unless its properties have one."""

_REALMS = f"{_PREFIX}krb5-conf.path"
_MODULE = "jdk.security.jgss"
"""The module of Java with GSSAPI for SASL. Small runtimes leave it out."""


def log_in(options: Mapping[str, str], pipeline: FlinkPipeline) -> None:
    """Log the JVM in if the options or the endpoints ask for it: with a keytab, or with the tickets of the user.

    Args:
        options: The options of Flink.
        pipeline: The pipeline with the endpoints.

    Raises:
        ConfigError: This Java has no Kerberos, an option is not complete, or a file cannot be read.
    """
    stated = {name: value for name, value in options.items() if name.startswith(_PREFIX)}
    if not stated and not _asks_for_kerberos(pipeline):
        return
    jvm = get_gateway().jvm
    if not jvm.java.lang.ModuleLayer.boot().findModule(_MODULE).isPresent():
        home = jvm.System.getProperty("java.home")
        raise ConfigError(
            f"The job asks for Kerberos (SASL mechanism GSSAPI), and the Java in {home} has no module {_MODULE}.",
            hint="Set JAVA_HOME to a complete Java 11, 17 or 21, such as the package openjdk-17-jre-headless of Debian. "
            "The Java of the extra `flink` is not complete.",
            key="JAVA_HOME",
        )
    if _REALMS in stated:
        jvm.System.setProperty("java.security.krb5.conf", stated[_REALMS])
    _install(_CONTEXTS | stated)


def _asks_for_kerberos(pipeline: FlinkPipeline) -> bool:
    ends = (pipeline.source, *pipeline.sinks)
    return any(
        isinstance(end, KafkaSourceEndpoint | KafkaSinkEndpoint) and asks_for_kerberos(end.properties) for end in ends
    )


def _install(options: Mapping[str, str]) -> None:
    settings = FlinkConfiguration()
    for name, value in options.items():
        settings.set_string(name, value)
    security = get_gateway().jvm.org.apache.flink.runtime.security
    try:
        security.SecurityUtils.install(security.SecurityConfiguration(settings._j_configuration))
    except Py4JJavaError as error:
        raise ConfigError(
            f"Flink rejects flink.{_PREFIX}*: {error.java_exception.getMessage()}.",
            hint=f"Set flink.{_PREFIX}login.keytab to a file that this user can read, and …login.principal to its principal; "
            "or leave both out to use the tickets of kinit.",
            key=f"flink.{_PREFIX}login",
        ) from error
