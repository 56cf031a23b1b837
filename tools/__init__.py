"""What is run by hand and not by users: measuring, breaking, picturing, translating."""
