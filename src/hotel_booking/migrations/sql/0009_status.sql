-- The status page: what probes found, and maintenance. Phase: expand (new tables).

-- Probes of the last days, each once however often it is told.
CREATE TABLE status_probe (
    at           timestamptz NOT NULL,
    component    text NOT NULL CHECK (component IN ('site', 'api', 'admin', 'payments', 'notifications', 'search')),
    outcome      text NOT NULL CHECK (outcome IN ('up', 'slow', 'down')),
    milliseconds int NOT NULL CHECK (milliseconds >= 0),
    reason       text NOT NULL DEFAULT '' CHECK (length(reason) <= 200),
    PRIMARY KEY (at, component)
);

-- The last word on each component.
CREATE TABLE status_component (
    component  text PRIMARY KEY CHECK (component IN ('site', 'api', 'admin', 'payments', 'notifications', 'search')),
    state      text NOT NULL CHECK (state IN ('up', 'slow', 'down')),
    since      timestamptz NOT NULL,   -- when it became so
    checked_at timestamptz NOT NULL,
    failures   int NOT NULL DEFAULT 0  -- in a row, up to the last probe
);

-- A day's probes (UTC) of a component: bars of ninety days are made of these. A day without a row was not probed.
CREATE TABLE status_day (
    day       date NOT NULL,
    component text NOT NULL CHECK (component IN ('site', 'api', 'admin', 'payments', 'notifications', 'search')),
    up        int NOT NULL DEFAULT 0,
    slow      int NOT NULL DEFAULT 0,
    down      int NOT NULL DEFAULT 0,
    PRIMARY KEY (day, component)
);

CREATE TABLE maintenance_window (
    id           int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    month        date UNIQUE,            -- the month whose window this is; none: it was set by hand
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    title        text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    body         text NOT NULL CHECK (length(body) BETWEEN 1 AND 2000),
    components   text[] NOT NULL CHECK (cardinality(components) > 0),
    announced_at timestamptz,            -- on the page since; none: not yet
    cancelled_at timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    version      int NOT NULL DEFAULT 1,
    CHECK (ends_at > starts_at),
    CHECK (ends_at <= starts_at + interval '24 hours')
);
CREATE INDEX maintenance_window_ends ON maintenance_window (ends_at);
CALL audit_table('maintenance_window', 'maintenance_window', p_left_out => '{version,updated_at}');

-- What each check of the invariants found, and when.
CREATE TABLE invariant_result (
    name        text NOT NULL,
    checked_at  timestamptz NOT NULL,
    differences int NOT NULL CHECK (differences >= 0),
    example     text NOT NULL DEFAULT '' CHECK (length(example) <= 500),
    PRIMARY KEY (name, checked_at)
);
CREATE INDEX invariant_result_old ON invariant_result (checked_at);

-- Who is told by e-mail. An address is kept from the moment somebody asks, for two days until it is confirmed,
-- and deleted when its owner leaves.
CREATE TABLE status_subscriber (
    id           int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    email        text NOT NULL CHECK (length(email) <= 320),
    email_key    text NOT NULL UNIQUE,
    language     text NOT NULL CHECK (length(language) = 2),
    asked_at     timestamptz NOT NULL,
    confirmed_at timestamptz
);
CREATE INDEX status_subscriber_asked ON status_subscriber (asked_at) WHERE confirmed_at IS NULL;

-- What subscribers are told: each once, in the order of their ids; `reached` is the last who was.
CREATE TABLE status_event (
    key     text PRIMARY KEY,
    at      timestamptz NOT NULL,
    title   text NOT NULL,
    body    text NOT NULL,
    reached int NOT NULL DEFAULT 0,
    told_at timestamptz
);
CREATE INDEX status_event_untold ON status_event (at, key) WHERE told_at IS NULL;
CREATE INDEX incident_update_at ON incident_update (at);

-- Programs that are told. `host` bounds how many of one host there are.
CREATE TABLE status_webhook (
    id           int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    url          text NOT NULL UNIQUE CHECK (length(url) <= 500),
    host         text NOT NULL,
    challenge    text NOT NULL,
    asked_at     timestamptz NOT NULL,
    confirmed_at timestamptz
);
CREATE INDEX status_webhook_host ON status_webhook (host);
CREATE INDEX status_webhook_asked ON status_webhook (asked_at) WHERE confirmed_at IS NULL;

CREATE TABLE status_delivery (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    webhook_id int NOT NULL REFERENCES status_webhook ON DELETE CASCADE,
    event_key  text NOT NULL,
    payload    jsonb NOT NULL,
    status     text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'failed')),
    attempts   int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    next_at    timestamptz NOT NULL,
    last_error text NOT NULL DEFAULT '',
    UNIQUE (webhook_id, event_key)
);
CREATE INDEX status_delivery_waiting ON status_delivery (next_at) WHERE status = 'waiting';
CREATE INDEX status_delivery_failed ON status_delivery (id DESC) WHERE status = 'failed';
CREATE INDEX status_delivery_created ON status_delivery (created_at);
