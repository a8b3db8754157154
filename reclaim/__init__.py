"""A user-space laboratory for Linux memory reclaim.

Write a reclaim policy in a small restricted Python, prove it safe, compile it, and run it on a
model of the kernel's folios, lruvecs, memcgs, nodes and swap, beside the kernel's own algorithms.
"""

__version__ = "0.1.0"
