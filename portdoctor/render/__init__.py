"""One file a format: (Report, Diagnosis) -> text. Decides nothing, prints nothing, looks at nothing."""
