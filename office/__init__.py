"""The settings of the office: what its letters say, and the rules that it may choose."""
