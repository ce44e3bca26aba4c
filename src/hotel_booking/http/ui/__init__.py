"""What all pages share: rendering, forms, the design system and its assets."""
