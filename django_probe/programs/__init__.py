"""The programs that need no project: each reads files, and says what is in them."""
