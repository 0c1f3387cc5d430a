"""One file for each database that the guard can hold to reading, and what psycopg 3 needs beside that."""
