"""What may be done with attributions, whoever asks: a page, the API or a command."""
