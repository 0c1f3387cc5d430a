"""One exchange of a check over HTTP: what is asked, what is expected, and what differs."""
