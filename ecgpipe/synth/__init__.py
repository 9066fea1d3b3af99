"""Simulated ECGs, the pages that show them, and pictures of these pages."""

from ecgpipe.page.layout import MM_PER_INCH

PX_PER_MM = 200 / MM_PER_INCH  # at which pages are drawn, as ECG-image-kit does
