"""Server-side commands: what runs beside the database."""
