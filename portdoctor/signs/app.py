"""Signs about app. Pure readings of a report."""
