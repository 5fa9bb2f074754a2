"""The Cedar front end: policies, templates, entities and schemas on the same typed tree, compiler and evaluator (language.md § 6)."""
