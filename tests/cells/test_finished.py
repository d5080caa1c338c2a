"""A finished CellBender output beside its droplets."""

import pytest

from compartments.cells.finished import import_cellbender
from compartments.core.errors import UserError
from tests.support.droplets import finished, make_droplets


def test_import_refuses_what_does_not_belong():
    with pytest.raises(UserError, match="has no CellBender output"):
        import_cellbender(make_droplets())
    data = finished(make_droplets())
    data.layers["corrected"].data = data.X.data + 1
    with pytest.raises(UserError, match="exceed the raw counts"):
        import_cellbender(data)
