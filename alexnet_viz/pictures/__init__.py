"""Pictures: a stranger's bytes decoded safely, prepared for a network, drawn."""
