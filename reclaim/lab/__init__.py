"""Experiments: policies against each other on workloads, and what to make of the numbers."""
