"""Replaces names and addresses by stable pseudonyms and checks its own output."""
