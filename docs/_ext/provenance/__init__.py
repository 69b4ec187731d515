"""What outputs come from: the run that printed them, noted where they ran, and said at the foot of their page."""
