"""The organiser's season, the same for every vendor: events, orders, advertising, and the truth about them."""
