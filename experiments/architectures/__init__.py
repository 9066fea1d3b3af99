"""Architectures compared at equal data and equal processor time: pages, stains, a clock, scores, the report."""
