"""What to probe, in what order, and which follow-up probe would decide what is open."""
