"""The jobs: each connects decisions of the core with the adapters that execute them."""
