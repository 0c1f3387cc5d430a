"""Who asks and what they may do: by tokens, whose failed attempts are counted, or by a log-in."""
