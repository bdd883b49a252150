"""Tables that people bring as CSV files: read exactly as they were written, or refused with the reason."""
