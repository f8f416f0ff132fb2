"""Notebooks as reports: strict parameters, one run folder, a manifest."""
