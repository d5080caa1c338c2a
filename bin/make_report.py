#!/usr/bin/env python3
"""Replaced by ``sc-compartments make_report``; this file goes with version 0.3."""

import sys

sys.stderr.write("ERROR: this is now `bin/sc-compartments make_report`; see its --help\n")
sys.exit(2)
