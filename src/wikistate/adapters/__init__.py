"""Adapters: clients of wikis, brokers, files and stores."""
