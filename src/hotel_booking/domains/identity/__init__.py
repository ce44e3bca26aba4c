"""Who is calling, and what they may do. API keys for now; staff accounts come with the admin panel."""
