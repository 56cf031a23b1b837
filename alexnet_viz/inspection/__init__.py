"""What a network does with an image."""
