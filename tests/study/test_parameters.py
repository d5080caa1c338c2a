"""Parameters: what is refused and with which words, and nextflow.config against the schema."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compartments.core.errors import UserError
from compartments.study.parameters import as_level, check_parameters, known_parameters, names_in

SCHEMA = {
    "$defs": {
        "one": {
            "properties": {
                "ambient_method": {"type": "string", "enum": ["auto", "cellbender", "none"]},
                "seed": {"type": "integer", "minimum": 0},
                "input": {"type": "string"},
            }
        },
        "two": {
            "properties": {
                "max_mt": {"type": "number", "minimum": 0, "maximum": 100},
                "validate_only": {"type": "boolean"},
                "nmads_top20": {"type": "number", "minimum": 0},
                "margin": {"type": "number", "exclusiveMinimum": 0},
            }
        },
    }
}


@pytest.fixture(scope="module")
def schema(root):
    return json.loads((root / "nextflow_schema.json").read_text())


def config_parameters(root):
    """The params block of nextflow.config as a dict: strings, numbers, booleans, None."""
    block = re.search(r"^params \{\n(.*?)^\}", (root / "nextflow.config").read_text(), re.M | re.S).group(1)
    found = {}
    for line in block.splitlines():
        line = line.strip()
        if not line or line.startswith("//"):
            continue
        name, value = re.fullmatch(r"(\w+) = (.+)", line).groups()
        assert name not in found, f"{name} is there twice"
        found[name] = value[1:-1] if value[0] in "'\"" else json.loads(value)
    return found


def test_groups_are_joined():
    assert list(known_parameters(SCHEMA)) == [
        "ambient_method",
        "seed",
        "input",
        "max_mt",
        "validate_only",
        "nmads_top20",
        "margin",
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ambient_metod", "unknown parameter --ambient_metod; did you mean --ambient_method?"),
        ("ambientMetod", "unknown parameter --ambientMetod; did you mean --ambient_method?"),
        ("sed", "unknown parameter --sed; did you mean --seed?"),
        ("zzzzzz", "unknown parameter --zzzzzz; see --help"),
    ],
)
def test_unknown_names_get_the_nearest_one(name, words):
    assert check_parameters({name: "x"}, SCHEMA) == [words]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ambientMethod", "ambient_method"),
        ("ambient-method", "ambient_method"),
        ("nmadsTop20", "nmads_top20"),
        ("Seed", "seed"),
    ],
)
def test_camel_case_and_hyphen_twins_are_refused_with_the_right_name(name, meant):
    assert check_parameters({name: "anything"}, SCHEMA) == [f"unknown parameter --{name}; did you mean --{meant}?"]


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"seed": "x"}, "--seed is 'x', not a number"),
        ({"max_mt": "1_0"}, "--max_mt is '1_0', not a number"),
        ({"seed": 1.5}, "--seed is 1.5; give a whole number"),
        ({"seed": "-1"}, "--seed is -1; it must be at least 0"),
        ({"margin": 0}, "--margin is 0; it must be above 0"),
        ({"max_mt": 101}, "--max_mt is 101; it must be from 0 to 100"),
        ({"max_mt": -0.1}, "--max_mt is -0.1; it must be from 0 to 100"),
        ({"validate_only": "yes"}, "--validate_only is 'yes'; give true or false"),
        ({"ambient_method": "non"}, "--ambient_method is 'non'; did you mean 'none'?"),
        ({"ambient_method": "zzz"}, "--ambient_method is 'zzz'; choose auto, cellbender, none"),
    ],
)
def test_wrong_values_get_one_sentence(given_, words):
    assert check_parameters(given_, SCHEMA) == [words]


@pytest.mark.parametrize(
    "good",
    [
        {"seed": "7", "max_mt": "5.5", "validate_only": "false"},
        {"seed": 7.0, "max_mt": 0, "validate_only": True},
        {"seed": None, "input": "", "ambient_method": "auto"},
    ],
)
def test_strings_of_the_command_line_and_empty_values_pass(good):
    assert check_parameters(good, SCHEMA) == []


@pytest.mark.parametrize("given_", ["doublets", "expression,interactions", "doublets, expression"])
def test_parts_to_leave_out_are_named(given_, root):
    schema = json.loads((root / "nextflow_schema.json").read_text())
    assert check_parameters({"skip": given_}, schema) == []
    (words,) = check_parameters({"skip": f"{given_},doublet"}, schema)
    assert words.startswith(f"--skip is '{given_},doublet'; give one of doublets, interactions, expression, or several")


def test_all_problems_are_named():
    problems = check_parameters({"sed": 1, "seed": "x", "max_mt": 200}, SCHEMA)
    assert len(problems) == 3 and [p.split("--")[1].split()[0].rstrip(";") for p in problems] == [
        "sed",
        "seed",
        "max_mt",
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["seed", "max_mt"])
def test_numbers_that_are_none_are_refused(name, value):
    problems = check_parameters({name: value}, SCHEMA)
    assert len(problems) == 1 and f"--{name} is" in problems[0]


@given(st.integers(-5, 200))
def test_range_is_the_schema_s(value):
    assert (check_parameters({"max_mt": value}, SCHEMA) == []) == (0 <= value <= 100)


@given(st.text(min_size=1, max_size=30))
def test_any_text_gives_problems_not_an_exception(text):
    for name in known_parameters(SCHEMA):
        assert all("\n" not in problem or "\n" in text for problem in check_parameters({name: text}, SCHEMA))
    check_parameters({text: "1"}, SCHEMA)


# -- schema and configuration ---------------------------------------------------------------------------------------


def test_config_has_the_names_and_defaults_of_the_schema(root, schema):
    configured, known = config_parameters(root), known_parameters(schema)
    assert list(configured) == list(known)
    for name, value in configured.items():
        assert value == known[name].get("default"), name
        assert type(value) is type(known[name].get("default")), name


def test_defaults_pass_their_own_check(root, schema):
    assert check_parameters(config_parameters(root), schema) == []


def test_profiles_set_only_known_parameters(root, schema):
    for path in (root / "conf").glob("*.config"):
        block = re.search(r"^params \{\n(.*?)^\}", path.read_text(), re.M | re.S)
        given_ = dict(re.findall(r"(\w+) = (.+)", block.group(1))) if block else {}
        assert check_parameters({name: value.strip("'\"") for name, value in given_.items()}, schema) == [], path.name


def test_schema_is_complete(schema):
    known = known_parameters(schema)
    assert len(known) == sum(len(group["properties"]) for group in schema["$defs"].values()), "a name in two groups"
    assert [ref["$ref"] for ref in schema["allOf"]] == [f"#/$defs/{name}" for name in schema["$defs"]]
    for name, value in known.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert value["type"] in ("string", "integer", "number", "boolean") and value["description"]


def test_every_parameter_is_used_and_every_used_one_is_known(root, schema):
    nextflow = [path for folder in ("modules", "workflows", "lib") for path in (root / folder).glob("*.nf")]
    sources = [root / "main.nf", root / "nextflow.config", *nextflow, *(root / "conf").glob("*.config")]
    reads = r"(?:params|settings)\.([a-z]\w*)|(?:filesOf|tableOf)\(settings, '(\w+)'"
    used = {a or b for path in sources for a, b in re.findall(reads, path.read_text())}
    used -= {"collect", "collectEntries", "json", "keySet"}  # methods, and the file params.json
    known = set(known_parameters(schema))
    assert used - known == set()
    # what a step of a run is given by its part of the schema; compare asks published results
    used |= {name for name, one in known_parameters(schema).items() if set(one.get("step", [])) - {"compare"}}
    # read by check_design, which gets all parameters as a file
    references = {"reference_compartment", "reference_condition", "reference_group"}
    assert known - used == references | {"covariates", "primary_lineages", "condition_order", "strict"}


@pytest.mark.parametrize(
    ("value", "levels", "level"),
    [
        (None, ["a", "b"], ""),
        ("", ["a", "b"], ""),
        (0, ["0", "1"], "0"),
        (1, ["00", "01"], "01"),
        (1, ["1", "2"], "1"),
        ("1", ["00", "01"], "01"),
        ("false", ["FALSE", "TRUE"], "FALSE"),
        ("treated", ["a", "b"], "treated"),
        ("1", ["00", "01"], "01"),
        ("false", ["FALSE", "TRUE"], "FALSE"),
        ("treated", ["a", "b"], "treated"),
        ("01", ["1", "01"], "01"),  # text of a params file is taken as it is
        (False, ["FALSE", "TRUE"], "FALSE"),
        (True, ["true", "0"], "true"),
        (0.0, ["0d", "7d"], "0d"),
        (1.0, ["1.0", "2.0"], "1.0"),
        (100000.0, ["1e5", "2e5"], "1e5"),
        (1, ["TRUE", "01"], "01"),
        (0, ["FALSE", "a"], "0"),  # none that it can be: refused by what follows, as it was given
        (10, ["1_0", "10"], "10"),
    ],
)
def test_a_level_is_the_one_that_was_typed(value, levels, level):
    assert as_level("reference_condition", value, levels) == level


@pytest.mark.parametrize(("value", "levels"), [(1, ["1", "01"]), (False, ["false", "FALSE"]), (1.0, ["1d", "1f"])])
def test_a_level_that_may_be_two_is_asked_for(value, levels):
    with pytest.raises(UserError, match=f"--reference_group: .* any of {levels[0]}, {levels[1]}; name these apart"):
        as_level("reference_group", value, levels)


def test_names_of_a_parameter():
    assert names_in(None) == [] and names_in("a, b,") == ["a", "b"] and names_in("[a, b]") == ["a", "b"]
    assert names_in(0) == ["0"]
