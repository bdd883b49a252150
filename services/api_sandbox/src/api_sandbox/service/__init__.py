"""What every vendor's API is served through: requests, faults, control, and what a vendor must bring."""
