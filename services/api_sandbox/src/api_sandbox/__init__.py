"""A simulator of the Qtickets REST API and the VK Реклама API v2 with a deterministic season inside."""
