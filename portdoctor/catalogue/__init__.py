"""Reads and checks cause files, ours and a site's, and finds causes by name, symptom or pasted error text."""
