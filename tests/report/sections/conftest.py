"""What a section gives."""

import pytest


@pytest.fixture(scope="session")
def named():
    """Figures and tables of a section by name."""
    return lambda blocks: {block.name: block for block in blocks if hasattr(block, "name")}
