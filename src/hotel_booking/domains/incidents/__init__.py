"""Incidents: declared, worked on, told to customers and learnt from; and findings about warnings."""
