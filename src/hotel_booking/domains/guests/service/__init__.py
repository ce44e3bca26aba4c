"""What a guest can do with their account: a file per subject. The transaction is passed in."""
