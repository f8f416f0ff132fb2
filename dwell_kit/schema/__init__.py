"""Columns, contracts, filters, time and demographics: the words every room shares."""
