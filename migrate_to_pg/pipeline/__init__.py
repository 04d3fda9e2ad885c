"""Run the stages in order: one module for each command or mode."""
