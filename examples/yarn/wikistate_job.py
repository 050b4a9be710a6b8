"""Start of wikistate in a container of YARN: relative paths lead to the folder of this file, with which it was shipped."""

import os
from pathlib import Path

from wikistate.cli.app import main

FOLDER = Path(__file__).resolve().parent

if __name__ == "__main__":
    os.chdir(FOLDER)  # Flink starts Python in a temporary folder
    for jar in FOLDER.glob("flink-sql-connector-kafka-*.jar"):
        os.environ.setdefault("WIKISTATE_FLINK_CONNECTOR_JAR", str(jar))
    main()
