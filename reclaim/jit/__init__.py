"""Verified IR to LLVM IR text to native code."""
