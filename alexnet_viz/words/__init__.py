"""Everything said to people: translations, class names, lessons, numbers."""
