"""Donors are the replicates: what differs between conditions, within compartments and between them."""
