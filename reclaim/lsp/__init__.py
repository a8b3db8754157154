"""The language server for `.rpol` files: the protocol's side of what `lang`, `diag` and `verifier` know.

Here: texts that change, positions in the editor's units, who is asked when, and the protocol's own data. Not here:
anything about the language. A policy is checked in a process of its own (`check_process`), so that a slow
verification neither delays an answer nor outlives the text that it was about.

    editor - server - documents, following - check_process: compile, verify, try fixes
                    - hovering, completing, calling, naming, outlining, mending, formatting
"""
