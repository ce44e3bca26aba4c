-- Failed attempts are counted per account and place (a known device, or a network), so that who guesses slows
-- down themselves and not the account's owner. `account` finds all counts of one account; the release before
-- leaves it empty and finds its own by the bucket.
ALTER TABLE sign_in_failure ADD COLUMN account text;
CREATE INDEX sign_in_failure_account ON sign_in_failure (account) WHERE account IS NOT NULL;

-- Browsers in which somebody has signed in to an account: device and account as hashes, nothing else.
CREATE TABLE known_device (
    account     text NOT NULL,
    device_hash bytea NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (account, device_hash)
);
CREATE INDEX known_device_age ON known_device (seen_at);

-- A link that was asked for, until a job has looked whether there is an account to mail it to: so that the
-- answer takes the same time for all. `pages` are the addresses that the links
-- lead to, with {token} in them.
CREATE TABLE link_request (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL CHECK (kind IN ('staff_password', 'sign_in', 'register', 'password', 'bookings')),
    email    text NOT NULL,
    language text NOT NULL,
    pages    jsonb NOT NULL,
    asked_at timestamptz NOT NULL
);
