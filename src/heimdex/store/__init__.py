"""The store: PostgreSQL with pgvector, and derived files. All SQL lives here."""
