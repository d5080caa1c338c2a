#!/usr/bin/env python3
"""Write the pages that are made from code: docs/output.md from the data dictionary, docs/parameters.md from the schema,
the contract beside every step from both.

With --check only say whether they are up to date.
"""

import argparse
import json
import sys
from pathlib import Path

from compartments.core import door
from compartments.core.dictionary import load, markdown, tables_of

ROOT = Path(__file__).resolve().parents[1]


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


def contracts(rows, schema):
    """``<step>.json`` beside every step that writes public files or takes parameters: path -> text."""
    known = {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}
    found = {}
    for step, path in door.steps().items():
        parameters = {name: _without_step(value) for name, value in known.items() if step in value.get("step", [])}
        tables = tables_of(rows, step)
        if parameters or tables:
            name = f"bin/compartments/{path.parent.name}/{step}.json"
            found[name] = json.dumps({"parameters": parameters, "tables": tables}, indent=1) + "\n"
    return found


def _without_step(definition):
    return {key: value for key, value in definition.items() if key != "step"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    schema = json.loads((ROOT / "nextflow_schema.json").read_text(encoding="utf-8"))
    rows = load(ROOT / "assets" / "dictionary.tsv")
    pages = {"docs/output.md": markdown(rows), "docs/parameters.md": parameters_page(schema)}
    for name, text in (pages | contracts(rows, schema)).items():
        path = ROOT / name
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{name} is out of date: run make docs")


if __name__ == "__main__":
    main()
