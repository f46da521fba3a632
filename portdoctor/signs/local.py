"""Signs about local. Pure readings of a report."""
