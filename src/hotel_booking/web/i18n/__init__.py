"""What guests read: formats, phrases, conditions and refusals. Languages and catalogues are `http.i18n`."""
