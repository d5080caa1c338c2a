"""Tables on the page."""


def test_tier_stands_before_every_p(whole):
    _, page, _ = whole
    for table in page.tables.values():
        columns = [column["name"] for column in table["columns"]]
        tests = [c for c in columns if c in ("p_value", "q_value", "call_p")]
        if tests and "tier" in columns:
            assert columns.index("tier") < min(columns.index(c) for c in tests)
    assert "tier" in [column["name"] for column in page.tables["composition_table"]["columns"]]
