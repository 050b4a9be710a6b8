"""Operations beside a job: topics, replay, bootstrap, verification of stores, and the artifacts of Flink."""
