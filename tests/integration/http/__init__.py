"""What all surfaces share: access, limits, bodies, errors."""
