"""Words of figures, tables and paragraphs."""

import ast
import re
import tomllib

import pytest

from compartments.report.contents import ORDER
from compartments.report.words import Wording


def test_a_figure_says_how_to_read_it_and_what_is_behind(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[one]\ntitle = "T {x}"\nread = "see {x}."\nalt = "A"\n\n'
        '[two]\ntitle = "T"\nread = "r."\nalt = "A"\nbehind = "{behind}; more"\n'
    )
    words = Wording(tmp_path)
    one, two = words.figure("a.one", "3 samples", x="that"), words.figure("a.two", "3 samples")
    assert (one.title, one.alt) == ("T that", "A")
    assert one.caption == "How to read it: see that. Behind it: 3 samples."
    assert two.caption == "How to read it: r. Behind it: 3 samples; more."
    assert words.has("a.two", "behind") and not words.has("a.one", "behind")
    for key, value in (("a.none", {"x": 1}), ("a.one", {})):
        with pytest.raises(KeyError):
            words.figure(key, "", **value)


def test_every_entry_is_used_and_every_use_has_its_entry(root):
    """No orphan among the words, no figure without."""
    folder = root / "assets" / "report" / "words"
    entries = {f"{p.stem}.{name}" for p in folder.glob("*.toml") for name in tomllib.loads(p.read_text("utf-8"))}
    used, patterns = set(), set()
    for path in (root / "bin" / "compartments" / "report").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                patterns.add(str(node.values[0].value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    sections = {path.stem for path in folder.glob("*.toml")}
    asked = {text for text in used if text.partition(".")[0] in sections and re.fullmatch(r"\w+\.\w+", text)}
    assert asked - entries <= {text for text in asked if text.endswith(".tsv")}
    unused = {key for key in entries - used if not any(p.endswith(".") and key.startswith(p) for p in patterns)}
    assert unused == set()


def test_every_section_has_its_file(root):
    names = {module.__name__.rpartition(".")[2] for module in ORDER}
    assert {p.stem for p in (root / "assets" / "report" / "words").glob("*.toml")} == names | {"shared"}
