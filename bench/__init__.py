"""Benchmarks: each room prints and writes its figures; none is a test."""
