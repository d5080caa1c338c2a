"""Droplets to cells: calling, ambient RNA, quality limits, doublets."""
