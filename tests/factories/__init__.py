"""What tests start from: hotels, guests, staff, payments."""
