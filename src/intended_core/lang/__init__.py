"""The policy language: from bytes to a checked set, and from there to what runs.

`source` → `parser` → `checker` (the only maker of a CheckedPolicySet). Nothing here reads a file, a clock or a store.
"""
