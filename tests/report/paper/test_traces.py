"""Traces as marks."""

import numpy as np
from matplotlib.figure import Figure as Canvas

from compartments.report.figures.style import DIVERGING
from compartments.report.paper import traces
from compartments.report.paper.scales import Scale


def scales(trace):
    return Scale("x", {}, [trace]), Scale("y", {}, [trace])


def test_gaps_and_error_bars():
    axes = Canvas().subplots()
    error = {"array": [1, 2], "arrayminus": [0.5, 1]}
    trace = {"mode": "lines+markers", "x": [1, 2], "y": [3, None], "marker": {"size": 10}, "error_x": error}
    assert traces.scatter(axes, trace, scales(trace), "t") is None
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [3, np.nan])
    segments = [bar.get_segments() for bar in axes.collections if hasattr(bar, "get_segments")]
    np.testing.assert_array_equal(segments[0][0], [[0.5, 3], [2, 3]])


def test_shades_of_numbers():
    mapped = traces.shaded(DIVERGING, np.array([-1.0, 1.0]), {"zmin": -2, "zmax": 2})
    assert mapped.get_clim() == (-2, 2) and np.allclose(mapped.to_rgba([0.0])[0][:3], 0xF7 / 255, atol=0.01)
    low, high = traces.shaded("Cividis", np.array([0.0, np.nan, 4.0]), {"reversescale": True}).to_rgba([0.0, 4.0])
    assert low[:3].sum() > high[:3].sum()


def test_bars_on_each_other():
    axes = Canvas().subplots()
    own = [{"type": "bar", "x": ["a", "b"], "y": [1, k], "marker": {"color": "#000"}} for k in (2, 3)]
    traces.bars(axes, list(enumerate(own)), scales(own[0]), stacked=True)
    assert [(bar.get_y(), bar.get_height()) for bar in axes.patches] == [(0, 1), (0, 2), (1, 1), (2, 3)]
