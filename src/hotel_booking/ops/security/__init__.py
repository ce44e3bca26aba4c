"""What can be checked of the platform's security: code, manifests, cluster, database and site."""
