"""Configuration as a value: models, loading, explanations."""
