"""Where to stay: the front page, the list of free hotels, the calendar a stay is chosen in."""
