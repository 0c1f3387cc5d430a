"""Asks with the library, which is imported with the first session: connections, bodies, cookies and redirects."""
