"""Signs about dns. Pure readings of a report."""
