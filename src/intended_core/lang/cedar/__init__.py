"""The Cedar front end: Cedar's policies, templates, entities and schemas on the same typed tree, compiler and evaluator (language.md § 6)."""
