"""Names of chemistries: what each says, however it is written."""

import pytest

from compartments.core.kits import kit_named


@pytest.mark.parametrize(
    ("text", "kind", "end", "version", "gemx", "high"),
    [
        ("Single Cell 3' v4 (polyA)", "", "3'", 4, True, False),
        ("SC5P-R2-v3", "", "5'", 3, True, False),
        ("5’ v3", "", "5'", 3, True, False),
        ("GEM-X 5'", "", "5'", 3, True, False),
        ("GEM-X", "", "", 4, True, False),
        ("Single Cell 5' v2 HT", "", "5'", 2, False, True),
        ("SC3Pv3HT", "", "3'", 3, False, True),
        ("Chromium Next GEM Single Cell 3' Kit v3.1", "", "3'", 3, False, False),
        ("5' v1 or v2", "", "5'", 0, False, False),
        ("ARC-v1", "multiome", "", 1, False, False),
        ("snRNA 3' v4", "nuclei", "3'", 4, True, False),
        ("simulated", "", "", 0, False, False),
        ("", "", "", 0, False, False),
    ],
)
def test_what_a_name_says(text, kind, end, version, gemx, high):
    assert kit_named(text)[:5] == (kind, end, version, gemx, high)


def test_a_name_of_something_else_is_not_plain():
    assert kit_named("10x Chromium 3prime v3.1").plain and kit_named("Single Cell 5' R2-only v3").plain
    assert not any(kit_named(text).plain for text in ("inDrops v3", "Smart-seq3", "Flex v2", "3' v3 LT", ""))


def test_what_a_name_does_not_say_is_not_against_another():
    v3 = kit_named("3' v3")
    assert v3.agrees(kit_named("v3")) and v3.agrees(kit_named("3'")) and kit_named("").agrees(v3)
    assert not v3.agrees(kit_named("5' v3")) and not v3.agrees(kit_named("3' v2"))
