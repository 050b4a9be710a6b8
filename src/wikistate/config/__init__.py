"""The configuration as a value: its models, and its loading with errors that name the key."""
