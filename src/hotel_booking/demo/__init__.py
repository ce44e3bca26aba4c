"""The demo chain: the invented Wayfinch group in real cities, with prices, rooms, taxes and guests."""
