#!/usr/bin/env bash
# Run page-content-change on YARN, with Kerberos at Kafka; docs/how-to/flink-yarn.md explains each step.
#
#   job.sh pack                            pack the Python environment and the files of the job
#   job.sh session                         start a session cluster; print the id of its application
#   job.sh submit APPLICATION [SNAPSHOT]   submit the job to a session cluster
#   job.sh start [SNAPSHOT]                start the job as an application of its own; print its id
#   job.sh latest                          print the path of the newest complete checkpoint
#   job.sh stop APPLICATION                stop the job with a savepoint; print the path of the savepoint
#   job.sh end APPLICATION                 kill the application
#   job.sh logs APPLICATION                print the logs of its containers
#
# Without SNAPSHOT a job starts at the committed offsets of its consumer group. Only results are on standard output.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

# The Python environment with wikistate and Flink; its Flink is the client.
venv=${WIKISTATE_VENV:?Set WIKISTATE_VENV to the environment with wikistate[flink].}
# The settings of the job.
config=${WIKISTATE_CONFIG:-$here/page-content-change.yaml}
# The folder of the files that travel to YARN. `pack` makes it again.
shipped=${WIKISTATE_SHIPPED:-$here/shipped}
# The folder of checkpoints, as in the settings, and the folder of savepoints.
checkpoints=${WIKISTATE_CHECKPOINTS:-hdfs:///wikistate/page-content-change/checkpoints}
savepoints=${WIKISTATE_SAVEPOINTS:-hdfs:///wikistate/page-content-change/savepoints}
# The login at Kafka.
keytab=${KERBEROS_KEYTAB:?Set KERBEROS_KEYTAB to the file with the key of the job.}
principal=${KERBEROS_PRINCIPAL:?Set KERBEROS_PRINCIPAL to the principal of the key.}
realms=${KERBEROS_CONFIG:-/etc/krb5.conf}

python=$venv/bin/python
FLINK_HOME=${FLINK_HOME:-$("$python" -c 'import pathlib, pyflink; print(pathlib.Path(pyflink.__file__).parent)')}
HADOOP_CLASSPATH=${HADOOP_CLASSPATH:-$(hadoop classpath)}
export FLINK_HOME HADOOP_CLASSPATH

# Options of the cluster: the containers log in before they start the job.
cluster=(
  "-Dsecurity.kerberos.login.keytab=$keytab"
  "-Dsecurity.kerberos.login.principal=$principal"
  "-Dsecurity.kerberos.login.contexts=Client,KafkaClient"
  "-Dsecurity.kerberos.krb5-conf.path=$realms"
  "-Dyarn.application.name=page-content-change"
  "-Djobmanager.memory.process.size=1024m"
  "-Dtaskmanager.memory.process.size=1728m"
  "-Dtaskmanager.numberOfTaskSlots=1"
)
job=(-pym wikistate_job run page-content-change --runner flink --config "$(basename "$config")")

find_application() {
  # Flink reports the id among other lines, several times.
  tee /dev/stderr | sed -n 's/.*\(application_[0-9]*_[0-9]*\).*/\1/p' | sort -u
}

pack() {
  rm -rf "$shipped"
  mkdir -p "$shipped/job"
  cp "$here/wikistate_job.py" "$config" "$shipped/job/"
  cp "$("$venv/bin/wikistate" flink jars | sed -n 1p)" "$shipped/job/"
  "$python" "$here/pack_environment.py" "$shipped/venv.tar.gz"
}

session() {
  "$FLINK_HOME/bin/yarn-session.sh" -d "${cluster[@]}" | find_application
}

submit() {
  # The script runs here and submits the job; the workers unpack the environment.
  "$FLINK_HOME/bin/flink" run -t yarn-session "-Dyarn.application.id=$1" -d ${2:+-s "$2"} \
    -pyarch "$shipped/venv.tar.gz" -pyexec venv.tar.gz/venv/bin/python -pyclientexec "$python" \
    -pyfs "$shipped/job" "${job[@]}" >&2
}

start() {
  # YARN copies what is shipped into the working folder of each container: the paths of Python are relative to it.
  "$FLINK_HOME/bin/flink" run -t yarn-application -d ${1:+-s "$1"} "${cluster[@]}" \
    "-Dyarn.ship-files=$shipped/job;$shipped/venv.tar.gz" \
    -pyarch venv.tar.gz -pyexec venv.tar.gz/venv/bin/python -pyclientexec venv.tar.gz/venv/bin/python \
    -pyfs job "${job[@]}" | find_application
}

latest() {
  # Columns 6 to 8 are the date, the time and the path; Flink writes _metadata last.
  local path
  path=$(hdfs dfs -ls "$checkpoints/*/chk-*/_metadata" | sort -k 6,7 -k 8V | awk 'END { print $8 }')
  echo "${path%/_metadata}"
}

stop() {
  local target=(-t yarn-application "-Dyarn.application.id=$1") id
  id=$("$FLINK_HOME/bin/flink" list -r "${target[@]}" | grep -o '[0-9a-f]\{32\}')
  "$FLINK_HOME/bin/flink" stop "${target[@]}" -p "$savepoints" "$id" | tee /dev/stderr | sed -n 's/^Savepoint completed. Path: //p'
}

case "${1:-}" in
  pack | session | submit | start | latest | stop) "$@" ;;
  end) yarn application -kill "$2" >&2 ;;
  logs) yarn logs -applicationId "$2" ;;
  *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
