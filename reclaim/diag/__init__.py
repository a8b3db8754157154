"""Say what is wrong: spans, diagnostics as data, renderers, one page per code."""
