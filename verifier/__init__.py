"""Prove that a policy is safe, or say in its author's words why that cannot be proved.

What an instruction demands (`obligations`), what it does (`transfer`, `refine`) and whether the state
implies the demand (`entailment`) are three separate parts; `fixpoint` drives them without knowing an
instruction, and `domains` holds one file per abstract domain.
"""
