-- Incidents, and findings about warnings, which are documented in the same place. Phase: expand (new tables).

CREATE TABLE incident (
    id                 int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind               text NOT NULL CHECK (kind IN ('incident', 'finding')),
    title              text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    public_title       text CHECK (length(public_title) BETWEEN 1 AND 200),  -- on the status page
    severity           text NOT NULL CHECK (severity IN ('P1', 'P2', 'P3', 'P4')),
    phase              text NOT NULL
                       CHECK (phase IN ('detection', 'triage', 'response', 'resolution', 'post_mortem', 'closed')),
    source             text NOT NULL CHECK (source IN ('hand', 'alert')),
    components         text[] NOT NULL DEFAULT '{}',   -- of the status page
    channel            text UNIQUE,                    -- without the #; a finding has none
    started_at         timestamptz NOT NULL,           -- when it began to hurt
    declared_at        timestamptz NOT NULL,
    acknowledged_at    timestamptz,
    resolved_at        timestamptz,
    closed_at          timestamptz,
    reminded_at        timestamptz,                    -- that nobody has acknowledged it
    escalated_at       timestamptz,                    -- the last time, from Primary to Secondary
    updated_at         timestamptz,                    -- the last published update
    update_reminded_at timestamptz,                    -- that the next one is due
    impact             text NOT NULL DEFAULT '' CHECK (length(impact) <= 10000),
    cause              text NOT NULL DEFAULT '' CHECK (length(cause) <= 10000),
    lessons            text NOT NULL DEFAULT '' CHECK (length(lessons) <= 10000),
    version            int NOT NULL DEFAULT 1,
    CHECK ((phase IN ('post_mortem', 'closed')) = (resolved_at IS NOT NULL)),
    CHECK ((phase = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX incident_newest ON incident (declared_at DESC, id DESC);
CREATE INDEX incident_unresolved ON incident (id) WHERE resolved_at IS NULL;
CREATE INDEX incident_published ON incident (started_at DESC, id DESC) WHERE updated_at IS NOT NULL;
CALL audit_table('incident', 'incident',
    p_left_out => '{version,reminded_at,escalated_at,update_reminded_at,updated_at}');

-- A time that an alert fired: its fingerprint comes again each time it does.
CREATE TABLE incident_alert (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    incident_id int NOT NULL REFERENCES incident,
    fingerprint text NOT NULL,
    group_key   text NOT NULL,
    name        text NOT NULL,
    labels      jsonb NOT NULL,
    annotations jsonb NOT NULL,
    source_url  text NOT NULL DEFAULT '',
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz,
    UNIQUE (fingerprint, starts_at)
);
CREATE INDEX incident_alert_of ON incident_alert (incident_id, id);
CREATE INDEX incident_alert_group ON incident_alert (group_key, id DESC);

CREATE TABLE incident_role (
    incident_id int NOT NULL REFERENCES incident,
    role        text NOT NULL CHECK (role IN ('commander', 'operations', 'communications', 'scribe')),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    staff_id    int REFERENCES staff,
    since       timestamptz NOT NULL,
    PRIMARY KEY (incident_id, role)
);

-- The timeline: everything that happened, in the order in which it became known. What it says never changes.
CREATE TABLE incident_entry (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    incident_id int NOT NULL REFERENCES incident,
    at          timestamptz NOT NULL,
    kind        text NOT NULL,
    actor       text NOT NULL,
    text        text NOT NULL CHECK (length(text) BETWEEN 1 AND 10000)
);
CREATE INDEX incident_entry_of ON incident_entry (incident_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What customers are told, on the status page.
CREATE TABLE incident_update (
    id          int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    incident_id int NOT NULL REFERENCES incident,
    at          timestamptz NOT NULL,
    status      text NOT NULL CHECK (status IN ('investigating', 'identified', 'monitoring', 'resolved')),
    body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 2000),
    template    text,                                  -- where the body is a template's, as it stands
    actor       text NOT NULL
);
CREATE INDEX incident_update_of ON incident_update (incident_id, id);
CALL audit_table('incident_update', 'incident_update');

-- What remains to be done, tracked until it is.
CREATE TABLE incident_action (
    id          int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    incident_id int NOT NULL REFERENCES incident,
    what        text NOT NULL CHECK (length(what) BETWEEN 1 AND 500),
    owner       text NOT NULL CHECK (length(owner) BETWEEN 1 AND 200),
    due_on      date,
    created_at  timestamptz NOT NULL,
    done_at     timestamptz,
    done_by     text NOT NULL DEFAULT ''
);
CREATE INDEX incident_action_of ON incident_action (incident_id, id);
CREATE INDEX incident_action_open ON incident_action (due_on, id) WHERE done_at IS NULL;
CALL audit_table('incident_action', 'incident_action');

-- What PagerDuty and Slack are told: a row is written with what it tells of, a job delivers it.
CREATE TABLE incident_delivery (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    incident_id int NOT NULL REFERENCES incident,
    target      text NOT NULL CHECK (target IN ('pagerduty', 'slack')),
    act         text NOT NULL CHECK (act IN ('trigger', 'acknowledge', 'resolve', 'post')),
    key         text NOT NULL,                         -- PagerDuty's incident, or Slack's channel
    payload     jsonb NOT NULL,
    status      text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'failed', 'dropped')),
    attempts    int NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    next_at     timestamptz NOT NULL,
    sent_at     timestamptz,
    last_error  text NOT NULL DEFAULT ''
);
CREATE INDEX incident_delivery_of ON incident_delivery (incident_id, id);
CREATE INDEX incident_delivery_waiting ON incident_delivery (next_at) WHERE status = 'waiting';
