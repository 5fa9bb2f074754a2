"""Desks: what operators and persons do for one tenant, a part at a time."""
