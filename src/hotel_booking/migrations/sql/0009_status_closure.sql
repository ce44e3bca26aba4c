-- The platform closed to guests while it is maintained. Phase: expand (a new table).
CREATE TABLE site_closure (
    id        int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    window_id int NOT NULL REFERENCES maintenance_window,  -- as what customers see it
    closed_at timestamptz NOT NULL,
    until     timestamptz NOT NULL,                        -- when it is expected to open; it is opened by hand
    opened_at timestamptz,
    by_gateway boolean NOT NULL DEFAULT false,             -- as the gateway is; else a person opens it
    CHECK (until > closed_at),
    CHECK (opened_at >= closed_at)
);
-- One at a time; what every process asks each second.
CREATE UNIQUE INDEX site_closure_one ON site_closure ((true)) WHERE opened_at IS NULL;
CREATE INDEX site_closure_window ON site_closure (window_id);
CALL audit_table('site_closure', 'site_closure');
