"""What opens the API: cabinets, tokens, limits."""
