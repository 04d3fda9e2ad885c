"""The courses that are taught."""
