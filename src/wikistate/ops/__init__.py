"""Operations beside a running job: topics, offsets."""
