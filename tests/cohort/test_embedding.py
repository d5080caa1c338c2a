"""What the embedding rests on."""

from importlib.metadata import version


def test_pynndescent_is_a_release_that_works():
    """0.7.0 fails in scanpy's neighbours of more than 8,192 cells; lift the pin only with a release that does not."""
    assert tuple(map(int, version("pynndescent").split(".")[:2])) < (0, 7)
