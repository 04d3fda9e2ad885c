"""A project whose code must not run while its rows are moved: managers, constructors, save(), signals."""
