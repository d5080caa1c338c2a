"""Tables on the page."""

import re


def test_tier_stands_before_every_p(whole):
    _, page, _ = whole
    for head in re.findall(r"<thead>(.*?)</thead>", page.source, re.S):
        columns = re.findall(r"<button[^>]*>(.*?)</button>", head)
        tests = [c for c in columns if c in ("p_value", "q_value", "call_p")]
        if tests and "tier" in columns:
            assert columns.index("tier") < min(columns.index(c) for c in tests)
    composition = page.source[page.source.index('id="table-composition_table"') :]
    assert "tier" in re.findall(r"<button[^>]*>(.*?)</button>", composition[: composition.index("</thead>")])
