"""What every part stands on: configuration, database, errors, dates, money. No domain words."""
