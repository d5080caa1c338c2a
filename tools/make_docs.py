#!/usr/bin/env python3
"""Write docs/output.md from the data dictionary; with --check only say whether it is up to date."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bin"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    from compartments.dictionary import load, markdown

    path = ROOT / "docs" / "output.md"
    text = markdown(load())
    if not arguments.check:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.exit("docs/output.md is out of date: run tools/make_docs.py")


if __name__ == "__main__":
    main()
