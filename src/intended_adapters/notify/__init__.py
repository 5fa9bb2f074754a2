"""Notifiers: what tells people outside that there is something to look at. They carry no authority."""
