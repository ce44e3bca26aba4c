"""What every surface that speaks the guests' languages needs: the languages, their words, dates and times."""
