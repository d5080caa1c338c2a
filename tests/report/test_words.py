"""Words of figures, tables and paragraphs."""

import ast
import inspect
import re
import tomllib

import pytest

from compartments.cells.leaks import MIN_GATED
from compartments.compare.moderated import minimum_detectable_effect
from compartments.core.vocabulary import ALPHA
from compartments.report.contents import LEADING, ORDER, SEVERAL
from compartments.report.words import Wording
from compartments.study.arms import tier


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
    words = Wording(tmp_path)
    assert words.figure("a.one", "", "other", x="x").title == "T x"
    (tmp_path / "a.toml").write_text('[one]\ntitle = "T"\ntitle_other = "O {x}"\nread = "r."\nalt = "A"\n')
    assert Wording(tmp_path).figure("a.one", "", "other", x="x").title == "O x"
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
    names = {module.__name__.rpartition(".")[2] for module in (*LEADING, *SEVERAL, *ORDER)}
    assert {p.stem for p in (root / "assets" / "report" / "words").glob("*.toml")} == names | {
        "limits",
        "shared",
        "turning",
    }


def test_numbers_in_the_words_are_those_of_the_code(root):
    """Limits that the words spell out, against the modules that own them."""
    folder = root / "assets" / "report" / "words"
    said = {path.stem: path.read_text("utf-8") for path in folder.glob("*.toml")}
    assert f"fewer than {MIN_GATED} cells: empty" in said["ambient"]
    defaults = {name: p.default for name, p in inspect.signature(minimum_detectable_effect).parameters.items()}
    assert said["design"].count(f"in {5 * defaults['power']:.0f} of 5 s") == 3
    assert f"two-sided test at {defaults['alpha']:.2f})".replace("0.", ".") in said["design"]
    for name in ("expression", "compartments"):
        assert said[name].count(f"q <= {ALPHA:.2f}".replace("0.", ".")) == said[name].count("q <= ") > 1
    assert (
        "inferential (at least 3 donors per arm and 4 residual df), exploratory (2), descriptive (1:" in said["design"]
    )
    arms = {(3, 3, 4): 0, (2, 3, 4): 1, (3, 3, 3): 1, (2, 2, 1): 1, (1, 2, 1): 2, (0, 3, 1): 3}
    tiers = ["inferential", "exploratory", "descriptive", "not_testable"]
    assert {arm: tiers.index(tier(*arm)) for arm in arms} == arms


def test_what_the_screen_alone_can_do_is_not_printed(root):
    words = Wording(root / "assets" / "report" / "words").figure(
        "annotation.map", "2 samples", n_cells=5, what="lineage"
    )
    assert "(point at it" in words.caption and "<<" not in words.caption + words.printed
    assert "commonest lineage. Near squares" in words.printed
    texts = [path.read_text("utf-8") for path in (root / "assets" / "report" / "words").glob("*.toml")]
    aside = re.compile("<<.*?>>")
    assert not [t for text in texts for t in re.findall(r".*\b(?:click|menu|point at)\b.*", aside.sub("", text))]
