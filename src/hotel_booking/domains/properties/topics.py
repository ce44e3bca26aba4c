"""Amenities by what they are about, for people who look for one among a hundred. A test finds each once."""

from __future__ import annotations

from collections.abc import Mapping

PROPERTY_TOPICS: Mapping[str, tuple[int, ...]] = {
    "Reception and service": (1, 2, 3, 10, 18, 22, 50, 78, 103, 106, 136, 148, 201, 208, 283, 349),
    "Internet and business": (179, 222, 228, 229, 269, 191),
    "Food and drink": (9, 72, 76, 150, 157, 158, 165, 169, 173, 174, 175, 284, 314, 330, 332, 334, 337, 340),
    "Pool, spa and fitness": (35, 49, 54, 55, 61, 66, 71, 79, 84, 86, 246, 345),
    "Beach and garden": (25, 238, 239, 336, 382, 407, 440),
    "Sport and leisure": (6, 11, 12, 44, 60, 91, 104, 195, 202, 232, 233, 234, 236, 272, 273, 389),
    "Families and pets": (70, 193, 214, 217, 218, 224, 235),
    "Parking and transport": (15, 41, 42, 64, 68, 97, 172, 230, 282, 316),
    "Laundry and practical": (5, 33, 58, 87, 95, 96, 98, 108, 168),
    "Accessibility and policy": (101, 116, 198, 258, 268, 427),
}

ROOM_TOPICS: Mapping[str, tuple[int, ...]] = {
    "Beds": (26, 58, 86, 91, 102, 113, 132, 203),
    "Bathroom": (10, 13, 15, 50, 85, 97, 127, 138, 142, 155, 276, 314, 338),
    "View and outdoors": (7, 223, 224, 245, 341, 342, 369),
    "Comfort": (2, 36, 41, 67, 99, 114, 126, 144, 157, 264, 270),
    "Work and internet": (28, 51, 64, 107, 123),
    "Food and drink": (19, 47, 61, 68, 69, 88, 304, 311),
    "Equipment": (3, 55, 92, 145, 146, 148, 149, 251, 262, 376),
    "Families and access": (1, 6, 22, 161, 185, 299, 320),
    "Smoking": (74, 101),
}
