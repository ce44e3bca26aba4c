-- What backups, restores and drills leave in the database. Phase: expand (new tables).

-- Written anew every 30 seconds: how far a restored database goes is known by it, and the archive of a database
-- in which nothing happens does not look as if it lagged.
CREATE TABLE backup_heartbeat (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    at       timestamptz NOT NULL
);

-- How each backup, verification, restore and drill ended.
CREATE TABLE operations_result (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('backup', 'verify', 'restore', 'drill')),
    at        timestamptz NOT NULL,
    succeeded boolean NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX operations_result_latest ON operations_result (kind, at DESC);

-- The database was restored: what happened between `until` and `restored_at` is not in it. Nothing is sold until
-- `opened_at`.
CREATE TABLE restore_point (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backup      text NOT NULL,
    until       timestamptz NOT NULL,
    restored_at timestamptz NOT NULL,
    matched_at  timestamptz,
    opened_at   timestamptz,
    CHECK (until <= restored_at)
);
CREATE UNIQUE INDEX restore_point_one ON restore_point ((true)) WHERE opened_at IS NULL;

-- Whom that loss touches, each with what became of it.
CREATE TABLE restore_affected (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    restore_point_id bigint NOT NULL REFERENCES restore_point ON DELETE CASCADE,
    subject          text NOT NULL,
    kind             text NOT NULL,
    reference        text,
    guest            text,
    amount           bigint,
    currency         text,
    became           text NOT NULL,
    noted_at         timestamptz NOT NULL,
    UNIQUE (restore_point_id, subject)
);

-- A copy of production's data for people to work on: while this row stands, processes send no mail, take no
-- payments, and tell no other service anything, whatever their settings say.
CREATE TABLE outside_off (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    since    timestamptz NOT NULL,
    why      text NOT NULL
);
