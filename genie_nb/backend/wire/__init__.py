"""Wire formats: events and streams as bytes, and back."""
