"""One file per third party, each behind a Protocol."""
