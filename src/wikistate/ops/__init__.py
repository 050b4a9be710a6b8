"""Operations beside a running job: topics, and what Flink needs to be there."""
