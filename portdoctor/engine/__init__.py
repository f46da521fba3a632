"""Signs × causes → diagnosis. Pure: no I/O, no clock."""
