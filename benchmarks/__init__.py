"""What the project promises about speed, measured: each module is one promise and prints its ratios when run."""
