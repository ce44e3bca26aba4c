-- Staff, what they may do, how they sign in. Phase: expand.

CREATE TABLE staff (
    id                  int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    email               text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    name                text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    language            text NOT NULL DEFAULT 'en',
    active              boolean NOT NULL DEFAULT true,
    password_hash       text,                       -- Argon2id; NULL until the invitation is taken up
    password_changed_at timestamptz,
    totp_secret         bytea,                      -- encrypted by HOTEL_SECRET_KEY
    totp_confirmed_at   timestamptz,                -- NULL: being set up, not asked for yet
    totp_last_step      bigint NOT NULL DEFAULT 0,  -- a code opens once
    created_at          timestamptz NOT NULL,
    version             int NOT NULL DEFAULT 1
);

-- A role at one property; at every property where property_id is NULL.
CREATE TABLE staff_grant (
    id          int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    staff_id    int NOT NULL REFERENCES staff,
    role        text NOT NULL CHECK (role IN ('owner', 'manager', 'revenue', 'front_desk', 'housekeeping',
                                              'finance', 'read_only')),
    property_id int REFERENCES property,
    UNIQUE NULLS NOT DISTINCT (staff_id, role, property_id)
);
CREATE INDEX staff_grant_of_property ON staff_grant (property_id);

CREATE TABLE staff_passkey (
    id            int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    staff_id      int NOT NULL REFERENCES staff,
    credential_id bytea NOT NULL UNIQUE,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    transports    text[] NOT NULL DEFAULT '{}',
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX staff_passkey_of_staff ON staff_passkey (staff_id);

CREATE TABLE staff_recovery_code (
    staff_id  int NOT NULL REFERENCES staff,
    code_hash bytea NOT NULL,                       -- SHA-256 of 80 random bits
    used_at   timestamptz,
    PRIMARY KEY (staff_id, code_hash)
);

-- Rotated at every step of signing in. `level`: 'password' still owes the second factor and opens nothing
-- but that step; 'full' is signed in.
CREATE TABLE staff_session (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    token_hash   bytea NOT NULL UNIQUE,             -- SHA-256 of 256 random bits
    staff_id     int NOT NULL REFERENCES staff,
    level        text NOT NULL CHECK (level IN ('password', 'full')),
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    confirmed_at timestamptz,                       -- when they last proved who they are
    address      text NOT NULL DEFAULT '',
    user_agent   text NOT NULL DEFAULT ''
);
CREATE INDEX staff_session_of_staff ON staff_session (staff_id);
CREATE INDEX staff_session_age ON staff_session (expires_at);

-- Links by e-mail: an invitation, or a new password.
CREATE TABLE staff_token (
    token_hash bytea PRIMARY KEY,
    staff_id   int NOT NULL REFERENCES staff,
    kind       text NOT NULL CHECK (kind IN ('invitation', 'password_reset')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX staff_token_of_staff ON staff_token (staff_id);

-- A passkey ceremony under way: what the passkey has to sign, good for one answer within minutes. Of a session
-- where there is one already, and of nobody where a passkey alone is to sign somebody in.
CREATE TABLE staff_challenge (
    challenge  bytea PRIMARY KEY,
    purpose    text NOT NULL CHECK (purpose IN ('register', 'prove', 'sign_in')),
    session_id bigint REFERENCES staff_session ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX staff_challenge_of_session ON staff_challenge (session_id);
CREATE INDEX staff_challenge_age ON staff_challenge (expires_at);

-- Failed sign-ins and asked-for resets, by account ('account:<hash of the e-mail>') and by network
-- ('address:<network>'). Each attempt counts before it is judged, so that many at once gain nothing;
-- `let_through` says whether the last one was judged at all.
CREATE TABLE sign_in_failure (
    bucket       text PRIMARY KEY,
    failures     int NOT NULL,
    failed_at    timestamptz NOT NULL,
    locked_until timestamptz,
    let_through  boolean NOT NULL DEFAULT true
);
CREATE INDEX sign_in_failure_age ON sign_in_failure (failed_at);

-- The panel lists failed jobs; work that succeeded leaves no row, so this index stays as small as the trouble.
CREATE INDEX IF NOT EXISTS hotel_jobs_failed ON procrastinate_jobs (id) WHERE status = 'failed';
