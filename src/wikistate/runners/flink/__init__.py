"""The Flink runner: the same jobs on Apache Flink, for streams that are too large for one process.

A thin layer. It defines the names and uids of the operators, the format of records between the JVM and Python, the
options with which Flink starts, and the location of its snapshots. `wikistate.streaming.ordering` keeps order and bounds
as in the local runner. Events, wikis, retries and errors belong to the job.

Only this package imports PyFlink, and of it only the modules that a Flink process needs.
"""
