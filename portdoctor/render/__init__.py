"""Output formats, one file each: (Report, Diagnosis) -> text. They decide nothing, print nothing and do no I/O."""
