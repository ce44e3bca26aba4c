"""Mail, from template to wire."""
