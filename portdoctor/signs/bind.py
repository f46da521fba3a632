"""Signs about bind. Pure readings of a report."""
