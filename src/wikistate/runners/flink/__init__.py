"""The Flink runner: the same jobs on Apache Flink, for those whose stream outgrew one process.

Thin wiring. What it decides: names and uids of the operators, how records cross between the JVM and Python, which
options Flink starts with, where its snapshots lie. `lanes` keep order and bounds as in the local runner; everything
about events, wikis, retries and errors is the job's.

Only this package imports PyFlink, and of it only the modules that a Flink process needs.
"""
