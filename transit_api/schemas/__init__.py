"""What may come in and what goes out, one module per noun of the URL."""
