"""What can be done with credentials: a file per subject. The transaction is passed in."""
