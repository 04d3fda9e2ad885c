"""Import and export tables as CSV and XLSX files."""
