"""Change attributions. The pages and the API share these functions."""
