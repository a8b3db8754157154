"""The contract between policy and core, as pure data.

The only place where a hook, helper, kernel type, answer, map kind or counter is declared.
"""
