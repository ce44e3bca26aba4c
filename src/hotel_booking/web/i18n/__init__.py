"""What guests read: languages, catalogues, formats, phrases, conditions and refusals."""
