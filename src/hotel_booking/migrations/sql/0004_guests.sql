-- The guest site: accounts of guests. Phase: expand (the release before runs on this schema).

-- An account begins with a link that was mailed to its address, so every address here is its owner's.
CREATE TABLE guest_account (
    id                  int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    email               text NOT NULL UNIQUE CHECK (length(email) BETWEEN 3 AND 254),  -- in lower case
    email_verified_at   timestamptz NOT NULL,
    password_hash       text,                       -- Argon2id; NULL: signs in by mailed links, or a passkey
    password_changed_at timestamptz,
    given_name          text NOT NULL DEFAULT '' CHECK (length(given_name) <= 100),
    family_name         text NOT NULL DEFAULT '' CHECK (length(family_name) <= 100),
    phone               text CHECK (length(phone) <= 40),
    country             char(2),
    wishes              text NOT NULL DEFAULT '' CHECK (length(wishes) <= 1000),
    language            text NOT NULL DEFAULT 'en' CHECK (length(language) BETWEEN 2 AND 20),
    currency            char(3),                    -- that prices are also shown in; NULL: the property's own
    marketing           boolean NOT NULL DEFAULT false,
    marketing_at        timestamptz,                -- when the guest last said so, or took it back
    created_at          timestamptz NOT NULL
);

-- A guest stays signed in for weeks; what is dangerous asks for `confirmed_at` of the last minutes.
CREATE TABLE guest_session (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    token_hash   bytea NOT NULL UNIQUE,             -- SHA-256 of 256 random bits
    account_id   int NOT NULL REFERENCES guest_account ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    confirmed_at timestamptz NOT NULL,              -- when the guest last proved who they are
    address      text NOT NULL DEFAULT '',
    user_agent   text NOT NULL DEFAULT ''
);
CREATE INDEX guest_session_of_account ON guest_session (account_id);
CREATE INDEX guest_session_age ON guest_session (expires_at);

CREATE TABLE guest_passkey (
    id            int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id    int NOT NULL REFERENCES guest_account ON DELETE CASCADE,
    credential_id bytea NOT NULL UNIQUE,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    transports    text[] NOT NULL DEFAULT '{}',
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX guest_passkey_of_account ON guest_passkey (account_id);

-- As staff_challenge of 0002.
CREATE TABLE guest_challenge (
    challenge  bytea PRIMARY KEY,
    purpose    text NOT NULL CHECK (purpose IN ('register', 'prove', 'sign_in')),
    session_id bigint REFERENCES guest_session ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX guest_challenge_of_session ON guest_challenge (session_id);
CREATE INDEX guest_challenge_age ON guest_challenge (expires_at);

-- Links by mail, each good once. `register` has no account yet, and `new_email` is for the account's next address.
CREATE TABLE guest_token (
    token_hash bytea PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('register', 'sign_in', 'password', 'new_email')),
    email      text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    account_id int REFERENCES guest_account ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK ((kind = 'register') = (account_id IS NULL))
);
CREATE INDEX guest_token_of_account ON guest_token (account_id);
CREATE INDEX guest_token_of_email ON guest_token (email);
CREATE INDEX guest_token_age ON guest_token (expires_at);

-- Bookings made while signed in. A table of its own, so that selling writes nothing more for everybody else.
CREATE TABLE guest_account_booking (
    booking_id uuid PRIMARY KEY REFERENCES booking,
    account_id int NOT NULL REFERENCES guest_account ON DELETE CASCADE
);
CREATE INDEX guest_account_booking_of_account ON guest_account_booking (account_id);

-- Whose name, address and wishes were taken off, and when.
ALTER TABLE guest ADD COLUMN erased_at timestamptz;

-- That something changed is noted; what a guest is called, where they are and what they want is not.
CALL audit_table('guest_account', 'guest_account', p_left_out => '{password_hash,country}',
    p_masked => '{email,given_name,family_name,phone,wishes}');
CALL audit_table('guest_passkey', 'guest_passkey',
    p_left_out => '{credential_id,public_key,sign_count,transports,last_used_at}', p_masked => '{name}');
CALL audit_table('guest_session', 'guest_session', 'INSERT OR DELETE',
    p_left_out => '{token_hash,last_seen_at,address,user_agent}');
