"""Third parties that listen on a port."""
