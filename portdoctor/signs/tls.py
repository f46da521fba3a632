"""Signs about tls. Pure readings of a report."""
