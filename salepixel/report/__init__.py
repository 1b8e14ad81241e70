"""The report: rows, sums, journeys, tracking health, lift."""
