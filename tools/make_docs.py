#!/usr/bin/env python3
"""Write the pages that are made from code: docs/results/output.md from the data dictionary, docs/use/parameters.md from
the schema, docs/change/contracts.md and the contract beside every step from both and the steps; and from the table of
columns in docs/use/usage.md assets/schema_input.json, from which launch forms make a samplesheet; and from the locks of
the images the environments for conda.

With --check only say whether they are up to date.
"""

import argparse
import ast
import json
import re
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from compartments.core import door
from compartments.core.dictionary import load
from compartments.core.vocabulary import CHOICES, DESCRIPTIONS, INPUTS, NUMBERS
from compartments.core.vocabulary import LIMITS as QUALITY
from compartments.study.samplesheet import LONGEST, NAME, REQUIRED

ROOT = Path(__file__).resolve().parents[1]
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
HEAD = """# Contracts between steps

<!-- Written by tools/make_docs.py from the steps' options, modules/*.nf, assets/dictionary.tsv and the schema. -->

What each step reads and writes, package by package along [the street](architecture.md). A step is called as
`bin/sc-compartments STEP`; in capitals the process that calls it. Options with two hyphens are files or values that the
process gives; *parameters* are those of the pipeline ([all of them](../use/parameters.md)), with the same names.
*Publishes*: files by their place in the results folder, whose columns are in [output.md](../results/output.md).
*Hands on*: files for later steps only; [architecture.md](architecture.md#files-between-the-steps) says what is in them.
`<s>` is the name of a sample, `*` any part of a name."""


def output_page(rows):
    """``docs/results/output.md``: one heading and one table per file, in the order of the dictionary."""
    lines = [
        "# Output",
        "",
        "<!-- Written by tools/make_docs.py from assets/dictionary.tsv; change it there. -->",
        "",
        "Tables are tab-separated text with a header, `.gz` where large; they open in spreadsheets and R. Effects are",
        "log2, intervals are 95 %, an empty field is a value that does not exist (a p-value where too few donors are).",
        "`*` in a name stands for a sample, a contrast or a model.",
    ]
    for file in dict.fromkeys(row["file"] for row in rows):
        own = [row for row in rows if row["file"] == file]
        lines += ["", f"## {file}", "", *(_escaped(row["meaning"]) for row in own if not row["column"])]
        columns = [row for row in own if row["column"]]
        if columns:
            lines += ["", "| column | type | unit | meaning |", "|---|---|---|---|"]
            lines += [
                "| " + " | ".join([f"`{row['column']}`", row["type"], row["unit"], _escaped(row["meaning"])]) + " |"
                for row in columns
            ]
    return "\n".join(lines) + "\n"


def _escaped(text):
    for character in "|*<":
        text = text.replace(character, "\\" + character)
    return text


def parameters_page(schema):
    """``docs/use/parameters.md`` from the content of ``nextflow_schema.json``: a heading and a table per group."""
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
    limits = [f"{word} {value[key]}" for key, word in LIMITS.items() if key in value]
    limits += [f"one of {', '.join(f'`{choice}`' for choice in value['enum'])}"] if "enum" in value else []
    meaning = value["description"] + (f" ({', '.join(limits)})" if limits else "")
    cells = [f"`--{name}`", value["type"], f"`{default}`" if default else "", meaning.replace("|", "\\|")]
    return "| " + " | ".join(cells) + " |"


def tables_of(rows, step):
    """Files that a step writes: place -> (column, need) of its columns, in order."""
    files = [row["file"] for row in rows if not row["column"] and step in row["step"].split(", ")]
    return {
        file: [(row["column"], row["need"]) for row in rows if row["column"] and row["file"] == file] for file in files
    }


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


class Parsed(Exception):
    """Holds the parser of a step instead of the options that it was to read."""


def parser_of(step):
    """The command line of a step."""

    def stop(parser, *_arguments, **_options):
        raise Parsed(parser)

    module = import_module(door.find(step))
    with patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            getattr(module, "arguments", module.main)()
        except Parsed as found:
            return found.args[0]
    raise TypeError(f"{step} reads no options")


def processes(modules):
    """Every process of ``modules/*.nf``: name, comment above it, steps that it calls, files that it hands on."""
    found = []
    for path in sorted(modules.glob("*.nf")):
        text = path.read_text(encoding="utf-8")
        for comment, name, body in re.findall(r"((?:^//[^\n]*\n)*)^process (\w+) \{\n(.*?)^\}", text, re.M | re.S):
            script = re.search(r"^    script:\n(.*?)(?=^    stub:|\Z)", body, re.M | re.S)
            outputs = re.search(r"^    output:\n(.*?)(?=^    \w+:)", body, re.M | re.S)
            steps = re.findall(r"^    (?:.* )?sc-compartments (\w+)", script[1] if script else "", re.M)
            places = re.findall(r"""path[( ]['"]([^'"]+)['"]""", outputs[1] if outputs else "")
            own = [place.replace("${meta.sample}", "<s>") for place in places if "/" not in place]
            comment = " ".join(line.removeprefix("//").strip() for line in comment.splitlines())
            found.append({"name": name, "comment": comment, "steps": list(dict.fromkeys(steps)), "files": own})
    return found


def contracts_page(rows, schema, modules):
    """The page.

    Parameters
    ----------
    rows : list of dict
        Of the dictionary.
    schema : dict
        Content of ``nextflow_schema.json``.
    modules : Path
        Folder of the processes.
    """
    parameters = {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}
    called = processes(modules)
    lines, package = [HEAD], ""
    for step, path in door.steps().items():
        if path.parent.name != package:
            package = path.parent.name
            lines += ["", f"## {package}", "", _docstring(path.parent / "__init__.py")]
        takes = [name for name, value in parameters.items() if step in value.get("step", [])]
        lines += ["", f"### `{step}`", "", *_step(step, path, takes, called, list(tables_of(rows, step)))]
    lines += ["", "## Processes without a step", ""]
    lines += [f"- {one['name']}: {one['comment']}" for one in called if not one["steps"]]
    return "\n".join(lines) + "\n"


def _step(step, path, takes, called, places):
    """Description of a step and a list of what goes in and out."""
    own = [one for one in called if step in one["steps"]]
    lines = [_docstring(path), *(f"{one['name']}: {one['comment']}" for one in own), ""]
    for action in parser_of(step)._actions:
        if action.dest not in ("help", *takes):
            name = action.option_strings[-1] if action.option_strings else action.metavar or action.dest
            lines.append(f"- reads `{name}`: {_help(action)}".removesuffix(": "))
    lines += [f"- parameters: {', '.join(f'`--{name}`' for name in takes)}"] if takes else []
    lines += [f"- publishes {', '.join(f'`{place}`' for place in places)}"] if places else []
    first = [one for one in own if one["steps"][0] == step]
    handed = [file for one in first for file in one["files"] if file not in places]
    return lines + ([f"- hands on {', '.join(f'`{file}`' for file in handed)}"] if handed else [])


def _docstring(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].replace("``", "`").split())


def _help(action):
    text = (action.help or "") % {**vars(action), "prog": ""}
    needed = "" if action.required or not action.option_strings else "optional"
    default = (
        ""
        if action.default in (None, False, [], "")
        else f"default {action.default}".replace(f"{door.PACKAGES.parents[1]}/", "")
    )
    notes = ", ".join(note for note in (needed, default) if note)
    return " ".join(text.split()) + (f" ({notes})" if notes else "")


def input_schema(page):
    """JSON schema of the samplesheet: its columns as a page describes them in a table, required as code requires."""
    rows = re.findall(r"(?m)^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \| (.*) \|$", page)
    described = {name: text for names, text in rows for name in re.findall(r"`(\w+)`", names)}
    properties = {}
    for column in [*REQUIRED, *INPUTS, *NUMBERS, *QUALITY, *CHOICES, *DESCRIPTIONS, "sex"]:
        text = re.sub(r"\[([^]]+)\]\([^)]*\)|`", r"\1", described[column])
        properties[column] = _column(column) | {"description": text}
    items = {"type": "object", "properties": properties, "required": REQUIRED}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Samplesheet of sc-compartments",
        "description": "One row per sample, or per lane of a sample of FASTQ. Further columns are kept as they are.",
        "type": "array",
        "items": items,
    }


def _column(column):
    if column in INPUTS:
        return {"type": "string", "format": "path"}
    if column in CHOICES:
        return {"type": "string", "enum": list(CHOICES[column])}
    kind = (NUMBERS | QUALITY).get(column)
    if kind is None:
        named = column in REQUIRED or column == "group"
        return {"type": "string"} | ({"pattern": f"^{NAME}$", "maxLength": LONGEST} if named else {})
    least = {"exclusiveMinimum" if "positive" in kind else "minimum": 0}
    most = re.search(r"(?:at most|to) (\d+)$", kind)
    return {"type": "integer" if "whole" in kind else "number"} | least | ({"maximum": int(most[1])} if most else {})


PROGRAMS = {"core": [], "cellbender": [], "counts": ["star", "fastp"]}  # of an image, beside its Python packages


def environment(name):
    """``containers/<name>/environment.yml`` for conda and mamba: the packages of the lock, by version and hash."""
    lock = (ROOT / "containers" / name / "requirements.lock").read_text(encoding="utf-8").replace(" \\\n", " ")
    pins = [" ".join(line.split()) for line in lock.splitlines() if "==" in line]
    lines = [
        "# Written by tools/make_docs.py from requirements.lock; not tried with conda.",
        f"name: sc-compartments-{name}",
    ]
    lines += ["channels:", "  - conda-forge", "  - bioconda", "dependencies:", "  - python=3.12", "  - pip"]
    lines += [f"  - {program}" for program in PROGRAMS[name]]
    return "\n".join([*lines, "  - pip:", *(f"      - {pin}" for pin in pins)]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    schema = json.loads((ROOT / "nextflow_schema.json").read_text(encoding="utf-8"))
    rows = load(ROOT / "assets" / "dictionary.tsv")
    pages = {
        "docs/results/output.md": output_page(rows),
        "docs/use/parameters.md": parameters_page(schema),
        "docs/change/contracts.md": contracts_page(rows, schema, ROOT / "modules"),
    }
    usage = (ROOT / "docs" / "use" / "usage.md").read_text(encoding="utf-8")
    pages["assets/schema_input.json"] = json.dumps(input_schema(usage), indent=4) + "\n"
    pages |= {f"containers/{name}/environment.yml": environment(name) for name in PROGRAMS}
    for name, text in (pages | contracts(rows, schema)).items():
        path = ROOT / name
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{name} is out of date: run make docs")


if __name__ == "__main__":
    main()
