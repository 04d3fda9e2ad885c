"""Offer the commands to Django: options, settings, output, exit statuses."""
