"""From records to columns of staging."""
