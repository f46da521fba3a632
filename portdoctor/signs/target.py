"""Signs about target. Pure readings of a report."""
