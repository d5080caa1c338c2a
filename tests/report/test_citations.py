"""References."""

import pytest

from compartments.report.citations import Citations


def test_unknown_citation_is_an_error(root):
    with pytest.raises(KeyError, match="nobody"):
        Citations(root / "assets" / "report" / "references.tsv").cite("nobody")
