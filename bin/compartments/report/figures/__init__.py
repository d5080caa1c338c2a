"""Plots as plotly JSON, each with its words and the data it was drawn from."""
