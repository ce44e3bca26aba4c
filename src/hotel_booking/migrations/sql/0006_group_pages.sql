-- The group's own pages (imprint, privacy, terms, contact, help), as the group writes them in each language.
CREATE TABLE group_page (
    kind       text NOT NULL CHECK (kind IN ('imprint', 'privacy', 'terms', 'contact', 'help')),
    language   text NOT NULL CHECK (length(language) = 2),
    body       text NOT NULL CHECK (length(body) BETWEEN 1 AND 50000), -- Markdown
    version    int NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (kind, language)
);
CALL audit_table('group_page', 'group_page', p_key => 'kind', p_left_out => '{version}');
