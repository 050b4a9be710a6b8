"""The contract that runners, jobs and adapters share: records, ports, job protocols, event time and ordering. No IO."""
