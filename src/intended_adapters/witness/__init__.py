"""Witnesses over HTTP: the client that a log asks with, and servers of our own."""
