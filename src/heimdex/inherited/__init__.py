"""What the systems before this one called their settings, and what that means here."""
