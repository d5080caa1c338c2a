#!/usr/bin/env python3
"""Write the pages that are made from code: docs/output.md from the data dictionary, docs/parameters.md from the schema.

With --check only say whether they are up to date.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bin"))


def parameters_page(schema):
    """``docs/parameters.md`` from the content of ``nextflow_schema.json``: a heading and a table per group."""
    lines = [
        "# Parameters",
        "",
        "<!-- Written by tools/make_docs.py from nextflow_schema.json; change it there. -->",
        "",
        "On the command line with two hyphens (`--seed 7`), or in a file given with `-params-file`. An unknown name or",
        "a value out of range stops the run before anything is computed. [usage.md](usage.md) explains how they go",
        "together.",
    ]
    for group in schema["$defs"].values():
        lines += ["", f"## {group['title']}", "", "| parameter | type | default | meaning |", "|---|---|---|---|"]
        lines += [_parameter_row(name, value) for name, value in group["properties"].items()]
    return "\n".join(lines) + "\n"


def _parameter_row(name, value):
    default = value.get("default", "")
    default = str(default).lower() if isinstance(default, bool) else str(default).replace("${projectDir}/", "")
    limits = [f"{word} {value[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in value]
    limits += [f"one of {', '.join(f'`{choice}`' for choice in value['enum'])}"] if "enum" in value else []
    meaning = value["description"] + (f" ({', '.join(limits)})" if limits else "")
    cells = [f"`--{name}`", value["type"], f"`{default}`" if default else "", meaning.replace("|", "\\|")]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    from compartments.dictionary import load, markdown

    schema = json.loads((ROOT / "nextflow_schema.json").read_text(encoding="utf-8"))
    for name, text in (("output.md", markdown(load())), ("parameters.md", parameters_page(schema))):
        path = ROOT / "docs" / name
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{name} is out of date: run tools/make_docs.py")


if __name__ == "__main__":
    main()
