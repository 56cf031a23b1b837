"""Experiments with each of the paper's ideas."""
