"""What people look at: comparison tables, plots, and a report in one HTML file."""
