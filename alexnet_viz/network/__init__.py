"""What a network is: its layers, its arithmetic, its module, its weights."""
