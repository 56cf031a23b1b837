"""What the paper says, and what the code of 2012 did."""
