"""Reads and checks cause files, and finds causes by name, symptom or pasted error text."""
