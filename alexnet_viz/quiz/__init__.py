"""Questions to check oneself after a lesson."""
