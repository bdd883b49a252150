"""Campaigns, groups and ads: listed, kept between runs, and what their links become."""
