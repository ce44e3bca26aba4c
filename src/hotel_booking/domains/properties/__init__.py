"""Properties: hotels, room types, rooms, policies, taxes, places."""
