"""Which city an ad was paid for."""
