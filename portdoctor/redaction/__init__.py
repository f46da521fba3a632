"""Replaces names and addresses in a report by stable pseudonyms, and checks the output for leaks."""
