"""Signs about tcp. Pure readings of a report."""
