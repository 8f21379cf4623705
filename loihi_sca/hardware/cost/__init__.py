"""What running costs: activity to loads, loads to energy and latency."""
