"""A user's colours and order of lineages."""

import pytest

from compartments.core.errors import UserError
from compartments.core.palette import Palette, read_palette, unknown_names

HEADER = "kind\tname\tcolour\n"


def test_colours_and_order(tmp_path):
    path = tmp_path / "palette.tsv"
    path.write_text(HEADER + "lineage\tT_cycling\t#112233\nlineage\tB\t\ncondition\ttreated\t#aabbcc\n")
    palette = read_palette(path).told(lambda name: {"T_cycling": "cycling T"}.get(name, name))
    assert palette.ordered(["NK", "B", "cycling T", "other"]) == ["cycling T", "B", "NK", "other"]
    assert palette.ordered(["NK", "B", "T_cycling"]) == ["T_cycling", "B", "NK"]
    assert palette.of("lineage", {"cycling T": "#000000", "B": "#ffffff"}) == {"cycling T": "#112233", "B": "#ffffff"}
    assert palette.of("condition", {"treated": "#0", "B": "#1"}) == {"treated": "#aabbcc", "B": "#1"}
    assert Palette().ordered(["NK", "B"]) == ["NK", "B"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind\tname\nlineage\tB\n", "p.tsv row 1: column 'colour' is missing"),
        (
            "colour,kind,name\n#ff0000,lineage,B\n",
            "--palette p.tsv: column 'colour' is the first, where a #",
        ),
        (HEADER, "--palette p.tsv has no row below its header"),
        (HEADER + "cell\tB\t#000000\n", "--palette p.tsv row 2: kind is 'cell'; give lineage, condition, compartment"),
        (HEADER + "lineage\t\t#000000\n", "row 2: name is empty; give that of a lineage"),
        (HEADER + "lineage\tB\tred\n", "row 2: colour is 'red'; give it as #RRGGBB"),
        (HEADER + "lineage\tB\t#12345\n", "row 2: colour is '#12345'"),
        (HEADER + "lineage\tB\t#000000\nlineage\tB\t#111111\n", "row 3: lineage 'B' is in row 2, too; keep one"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, text, message):
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(UserError) as caught:
        read_palette(tmp_path / "p.tsv")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_names_that_the_study_lacks_are_told():
    palette = Palette({("condition", "treatd"): "#0", ("condition", "control"): "#1", ("lineage", "B"): "#2"})
    known = {"condition": ["treated", "control"], "compartment": ["CSF"]}
    assert unknown_names(palette, known) == [
        "--palette colours condition treatd, which the study lacks: treated, control"
    ]
