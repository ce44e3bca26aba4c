-- Who was given access to production for some hours (`hotel-booking ops access`). Phase: expand (new tables).
--
-- Written by ops/access/database.py, as the role hotel_access_keeper; what it grants stands in PostgreSQL's roles, in
-- Kubernetes and at AWS, and this is the list of it.
CREATE TABLE access_grant (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    person        text NOT NULL CHECK (length(person) BETWEEN 3 AND 63),    -- their e-mail address
    role          text NOT NULL CHECK (role IN ('read-only', 'operator', 'dba', 'deployer')),
    granted_at    timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    reason        text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    requested_by  text NOT NULL,
    approved_by   text NOT NULL DEFAULT '',
    approval      text UNIQUE,                    -- the approval that was used up; none: the role needs none
    in_kubernetes boolean NOT NULL DEFAULT false,
    in_database   boolean NOT NULL DEFAULT false,
    at_aws        boolean NOT NULL DEFAULT false,
    ended_at      timestamptz,                    -- when everything was taken back
    ended_by      text NOT NULL DEFAULT ''
);
-- One at a time; what the worker counts every fifteen seconds.
CREATE UNIQUE INDEX access_grant_standing ON access_grant (person) WHERE ended_at IS NULL;
CALL audit_table('access_grant', 'access');

-- When the reaper last looked at everything there is to take back.
CREATE TABLE access_reaped (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at  timestamptz NOT NULL
);
