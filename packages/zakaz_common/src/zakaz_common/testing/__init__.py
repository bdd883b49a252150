"""For tests of loaders: the engine, a loader as an operator runs it, failing neighbours, and the contract of all."""
