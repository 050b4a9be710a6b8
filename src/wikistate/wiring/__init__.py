"""The composition root: from settings to a pipeline. The only layer that knows both settings and parts."""
