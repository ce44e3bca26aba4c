-- The first schema. Ids of the catalogue are small integers (they stand in every room-night and in
-- arrays); ids of what guests make are UUIDs (they are seen outside). Money is bigint minor units.

CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- identity ---------------------------------------------------------------------------------------

CREATE TABLE api_key (
    id           int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    key_hash     bytea NOT NULL UNIQUE,          -- SHA-256 of a 256-bit random secret
    scopes       text[] NOT NULL,
    property_ids int[],                          -- NULL: every property
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

-- http -------------------------------------------------------------------------------------------

CREATE TABLE idempotency_key (
    caller       text NOT NULL,                  -- who sent it: a key, a booking, or an address
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    claim        uuid NOT NULL,                  -- the run that may write the answer
    claimed_at   timestamptz NOT NULL,
    status       smallint,                       -- NULL while running
    body         bytea,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (claimed_at);

-- properties -------------------------------------------------------------------------------------

CREATE TABLE place (
    id         int PRIMARY KEY,                  -- GeoNames id
    name       text NOT NULL,
    country    char(2) NOT NULL,
    lat        double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon        double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    population int NOT NULL,
    timezone   text NOT NULL
);

-- What people type, derived from the places' names: lower case, without accents, a place's own name and
-- its other ones. `weight` is the population, a thirtieth of it for other names. No foreign key: only
-- `properties.places` writes both tables, and checking 266,000 rows would cost a second of every load.
CREATE TABLE place_name (
    name     text NOT NULL,
    place_id int NOT NULL,
    weight   int NOT NULL
);
-- The first letters in order of weight: "s" has 20,000 names, and the best ten are the first rows.
CREATE INDEX place_name_1 ON place_name (left(name, 1), weight DESC);
CREATE INDEX place_name_2 ON place_name (left(name, 2), weight DESC);
CREATE INDEX place_name_3 ON place_name (left(name, 3), weight DESC);
CREATE INDEX place_name_fuzzy ON place_name USING gin (name gin_trgm_ops);

CREATE TABLE property (
    id             int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    slug           text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 80),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description    text NOT NULL DEFAULT '',
    stars          smallint NOT NULL DEFAULT 0 CHECK (stars BETWEEN 0 AND 5),
    place_id       int REFERENCES place,
    address        text NOT NULL DEFAULT '',
    postal_code    text NOT NULL DEFAULT '',
    city           text NOT NULL DEFAULT '',
    country        char(2) NOT NULL,
    lat            double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon            double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    timezone       text NOT NULL,
    currency       char(3) NOT NULL,
    amenities      int[] NOT NULL DEFAULT '{}',  -- OpenTravel HAC codes
    email          text NOT NULL DEFAULT '',
    phone          text NOT NULL DEFAULT '',
    check_in_time  time NOT NULL DEFAULT '15:00',
    check_out_time time NOT NULL DEFAULT '11:00',
    tax_rounding   text NOT NULL DEFAULT 'line' CHECK (tax_rounding IN ('line', 'sum')),
    child_bands    int[] NOT NULL DEFAULT '{}',  -- highest age of each band, rising; older is adult
    active         boolean NOT NULL DEFAULT true,
    version        int NOT NULL DEFAULT 1
);
CREATE INDEX property_where ON property (lat, lon) WHERE active;
-- Hotels by name, found as places are; `properties.places` writes the same expression.
CREATE INDEX property_name_fuzzy ON property
    USING gin (regexp_replace(normalize(lower(name), NFKD), '[\u0300-\u036f]', '', 'g') gin_trgm_ops) WHERE active;

CREATE TABLE room_type (
    id             int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id    int NOT NULL REFERENCES property,
    code           text NOT NULL CHECK (code ~ '^[A-Za-z0-9_-]{1,40}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description    text NOT NULL DEFAULT '',
    base_occupancy smallint NOT NULL DEFAULT 2 CHECK (base_occupancy BETWEEN 1 AND 100),
    max_occupancy  smallint NOT NULL DEFAULT 2 CHECK (max_occupancy BETWEEN 1 AND 100),
    max_adults     smallint NOT NULL DEFAULT 2 CHECK (max_adults BETWEEN 1 AND 100),
    max_children   smallint NOT NULL DEFAULT 0 CHECK (max_children BETWEEN 0 AND 100),
    extra_adult    bigint NOT NULL DEFAULT 0 CHECK (extra_adult >= 0),
    child_amounts  bigint[] NOT NULL DEFAULT '{}',
    beds           jsonb NOT NULL DEFAULT '[]',  -- [{"type": "double", "count": 1}]
    size_m2        smallint CHECK (size_m2 > 0),
    amenities      int[] NOT NULL DEFAULT '{}',  -- OpenTravel RMA codes
    active         boolean NOT NULL DEFAULT true,
    sort           int NOT NULL DEFAULT 0,
    version        int NOT NULL DEFAULT 1,
    UNIQUE (property_id, code)
);

CREATE TABLE room (
    id           int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id  int NOT NULL REFERENCES property,
    room_type_id int NOT NULL REFERENCES room_type,
    number       text NOT NULL CHECK (length(number) BETWEEN 1 AND 20),
    floor        text NOT NULL DEFAULT '',
    active       boolean NOT NULL DEFAULT true,
    UNIQUE (property_id, number)
);
CREATE INDEX room_of_type ON room (room_type_id);

CREATE TABLE cancellation_policy (
    id          int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id int NOT NULL REFERENCES property,
    code        text NOT NULL CHECK (code ~ '^[A-Za-z0-9_-]{1,40}$'),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    steps       jsonb NOT NULL,                  -- rates.types.Step
    no_show     jsonb NOT NULL,                  -- rates.types.Fee
    version     int NOT NULL DEFAULT 1,
    UNIQUE (property_id, code)
);

CREATE TABLE tax (
    id               int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id      int NOT NULL REFERENCES property,
    code             text NOT NULL CHECK (code ~ '^[A-Za-z0-9_-]{1,40}$'),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind             text NOT NULL CHECK (kind IN ('percent', 'fixed')),
    value            bigint NOT NULL CHECK (value >= 0),  -- parts per million, or minor units
    charge_type      smallint NOT NULL CHECK (charge_type IN (12, 19, 20, 21)),
    included         boolean NOT NULL,
    exempt_below_age smallint CHECK (exempt_below_age BETWEEN 1 AND 120),
    max_nights       smallint CHECK (max_nights > 0),
    valid_from       date,
    valid_to         date,
    version          int NOT NULL DEFAULT 1,
    UNIQUE (property_id, code),
    CHECK (valid_from < valid_to),
    CHECK (kind = 'fixed' OR (value <= 1000000 AND charge_type IN (12, 19) AND exempt_below_age IS NULL))
);

-- rates ------------------------------------------------------------------------------------------

CREATE TABLE rate_plan (
    id               int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id      int NOT NULL REFERENCES property,
    code             text NOT NULL CHECK (code ~ '^[A-Za-z0-9_-]{1,40}$'),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description      text NOT NULL DEFAULT '',
    meal             smallint NOT NULL DEFAULT 14,  -- OpenTravel MPT; 14 is room only
    policy_id        int NOT NULL REFERENCES cancellation_policy,
    deposit_kind     text NOT NULL DEFAULT 'none'
                     CHECK (deposit_kind IN ('none', 'full', 'percent', 'nights', 'fixed')),
    deposit_value    bigint NOT NULL DEFAULT 0 CHECK (deposit_value >= 0),
    parent_id        int REFERENCES rate_plan,
    adjust_kind      text CHECK (adjust_kind IN ('percent', 'amount')),
    adjust_value     bigint CHECK (adjust_value BETWEEN -1000000000 AND 1000000000),
    adjust_per_person boolean NOT NULL DEFAULT false,
    min_advance_days smallint CHECK (min_advance_days >= 0),
    max_advance_days smallint CHECK (max_advance_days >= 0),
    min_stay         smallint CHECK (min_stay > 0),
    max_stay         smallint CHECK (max_stay > 0),
    active           boolean NOT NULL DEFAULT true,
    sort             int NOT NULL DEFAULT 0,
    version          int NOT NULL DEFAULT 1,
    UNIQUE (property_id, code),
    CHECK ((parent_id IS NULL) = (adjust_kind IS NULL)),
    CHECK ((adjust_kind IS NULL) = (adjust_value IS NULL)),
    CHECK (parent_id <> id)
);

CREATE TABLE rate_night (
    room_type_id        int NOT NULL REFERENCES room_type,
    rate_plan_id        int NOT NULL REFERENCES rate_plan,
    night               date NOT NULL,
    price               bigint CHECK (price >= 0),   -- NULL: this row only restricts
    extra_adult         bigint CHECK (extra_adult >= 0),
    child_amounts       bigint[],
    closed              boolean NOT NULL DEFAULT false,
    min_stay_arrival    smallint CHECK (min_stay_arrival > 0),
    min_stay_through    smallint CHECK (min_stay_through > 0),
    max_stay            smallint CHECK (max_stay > 0),
    closed_to_arrival   boolean NOT NULL DEFAULT false,
    closed_to_departure boolean NOT NULL DEFAULT false,
    PRIMARY KEY (room_type_id, rate_plan_id, night)
);

-- A sale's immutable rules, by the hash of their body: what a price is recomputed from years later.
CREATE TABLE sale_terms (
    id   uuid PRIMARY KEY,
    body jsonb NOT NULL
);

-- Indicative rates, only for ordering and orientation; nothing is ever charged by them.
CREATE TABLE exchange_rate (
    currency char(3) PRIMARY KEY,
    per_euro numeric NOT NULL CHECK (per_euro > 0),
    as_of    date NOT NULL
);

-- inventory --------------------------------------------------------------------------------------

-- One row per room type and night on sale. Primary key only and free space in the pages, so that
-- taking a night is a HOT update.
CREATE TABLE room_night (
    room_type_id        int NOT NULL REFERENCES room_type,
    night               date NOT NULL,
    physical            smallint NOT NULL CHECK (physical >= 0),            -- rooms there are
    blocked             smallint NOT NULL DEFAULT 0 CHECK (blocked >= 0),   -- of them out of order
    overbooking_limit   smallint NOT NULL DEFAULT 0 CHECK (overbooking_limit >= 0),
    taken               smallint NOT NULL DEFAULT 0,                        -- holds and bookings
    capacity            smallint GENERATED ALWAYS AS (greatest(physical - blocked, 0)) STORED,
    closed              boolean NOT NULL DEFAULT false,
    min_stay_arrival    smallint CHECK (min_stay_arrival > 0),
    min_stay_through    smallint CHECK (min_stay_through > 0),
    max_stay            smallint CHECK (max_stay > 0),
    closed_to_arrival   boolean NOT NULL DEFAULT false,
    closed_to_departure boolean NOT NULL DEFAULT false,
    PRIMARY KEY (room_type_id, night),
    CONSTRAINT no_night_is_oversold
        CHECK (taken >= 0 AND taken <= greatest(physical - blocked, 0) + overbooking_limit)
) WITH (fillfactor = 90);

-- What a physical room is used for, night by night: a guest's stay or an out-of-order block. One
-- constraint keeps both apart: two stays, two blocks, or a stay and a block.
CREATE TABLE room_use (
    id             int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    room_id        int NOT NULL REFERENCES room,
    stay           daterange NOT NULL CHECK (NOT isempty(stay) AND NOT lower_inf(stay) AND NOT upper_inf(stay)),
    reservation_id uuid UNIQUE,                      -- a guest's stay
    reason         text,                             -- an out-of-order block
    CHECK ((reservation_id IS NULL) <> (reason IS NULL)),
    CONSTRAINT one_stay_per_room_and_night EXCLUDE USING gist (room_id WITH =, stay WITH &&)
);

-- guests -----------------------------------------------------------------------------------------

CREATE TABLE guest (
    id          uuid PRIMARY KEY,
    given_name  text NOT NULL CHECK (length(given_name) <= 100),
    family_name text NOT NULL CHECK (length(family_name) <= 100),
    email       text NOT NULL CHECK (length(email) <= 254),
    phone       text CHECK (length(phone) <= 40),
    country     char(2),
    created_at  timestamptz NOT NULL
);

-- bookings ---------------------------------------------------------------------------------------

CREATE TABLE quote (
    id          uuid PRIMARY KEY,
    property_id int NOT NULL REFERENCES property,
    arrival     date NOT NULL,
    departure   date NOT NULL,
    currency    char(3) NOT NULL,
    total       bigint NOT NULL CHECK (total >= 0),
    due_now     bigint NOT NULL CHECK (due_now BETWEEN 0 AND total),
    rooms       jsonb NOT NULL,                     -- bookings.types.QuotedRoom, one per room
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    booking_id  uuid UNIQUE,                        -- the booking made from it
    CHECK (departure > arrival)
);
CREATE INDEX quote_age ON quote (expires_at);

CREATE TABLE booking (
    id               uuid PRIMARY KEY,
    reference        text NOT NULL UNIQUE,
    property_id      int NOT NULL REFERENCES property,
    guest_id         uuid NOT NULL REFERENCES guest,
    status           text NOT NULL CHECK (status IN
                     ('held', 'expired', 'confirmed', 'cancelled', 'no_show', 'checked_in', 'checked_out')),
    currency         char(3) NOT NULL,
    total            bigint NOT NULL CHECK (total >= 0),
    due_now          bigint NOT NULL CHECK (due_now >= 0),
    requests         text,
    access_hash      bytea NOT NULL,                -- SHA-256 of the guest's access token
    source           text NOT NULL DEFAULT 'web',
    created_at       timestamptz NOT NULL,
    hold_expires_at  timestamptz NOT NULL,
    confirmed_at     timestamptz,
    cancelled_at     timestamptz
);
CREATE INDEX booking_held ON booking (hold_expires_at) WHERE status = 'held';
CREATE INDEX booking_of_property ON booking (property_id, created_at DESC, id);
CREATE INDEX booking_of_guest ON booking (guest_id);

CREATE TABLE reservation (
    id             uuid PRIMARY KEY,
    booking_id     uuid NOT NULL REFERENCES booking,
    position       smallint NOT NULL,
    room_type_id   int NOT NULL REFERENCES room_type,
    rate_plan_id   int NOT NULL REFERENCES rate_plan,
    arrival        date NOT NULL,
    departure      date NOT NULL,
    taken          daterange,                       -- the nights it counts in room_night.taken
    status         text NOT NULL CHECK (status IN
                   ('held', 'expired', 'confirmed', 'cancelled', 'no_show', 'checked_in', 'checked_out')),
    adults         smallint NOT NULL CHECK (adults > 0),
    children       smallint[] NOT NULL,
    guest_name     text,
    terms_id       uuid NOT NULL REFERENCES sale_terms,
    night_prices   jsonb NOT NULL,                  -- rates.types.NightPrice, one per night
    net            bigint NOT NULL CHECK (net >= 0),
    tax            bigint NOT NULL CHECK (tax >= 0),
    total          bigint NOT NULL CHECK (total = net + tax),
    fee            bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),  -- for cancelling or not coming
    checked_in_at  timestamptz,
    checked_out_at timestamptz,
    UNIQUE (booking_id, position),
    CHECK (departure > arrival),
    CHECK (taken IS NULL OR (lower(taken) >= arrival AND upper(taken) <= departure AND NOT isempty(taken))),
    CONSTRAINT a_live_reservation_has_its_nights CHECK (
        (status IN ('held', 'confirmed', 'checked_in')) <= (taken IS NOT NULL AND lower(taken) = arrival
                                                           AND upper(taken) = departure)),
    CONSTRAINT a_dead_reservation_has_none CHECK (
        (status IN ('expired', 'cancelled')) <= (taken IS NULL))
);
CREATE INDEX reservation_nights ON reservation (room_type_id, arrival) WHERE taken IS NOT NULL;

ALTER TABLE room_use ADD FOREIGN KEY (reservation_id) REFERENCES reservation;

-- payments ---------------------------------------------------------------------------------------

CREATE TABLE payment (
    id                uuid PRIMARY KEY,
    booking_id        uuid NOT NULL REFERENCES booking,
    amount            bigint NOT NULL CHECK (amount >= 0),
    currency          char(3) NOT NULL,
    gateway           text NOT NULL,
    status            text NOT NULL CHECK (status IN
                      ('started', 'requires_action', 'unknown', 'authorised', 'captured', 'declined',
                       'voided')),
    gateway_reference text,
    decline_code      text,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);
CREATE INDEX payment_of_booking ON payment (booking_id);
CREATE INDEX payment_open ON payment (updated_at) WHERE status IN ('started', 'unknown', 'authorised');
-- One try at a time: a second one while the first is undecided would be money taken twice.
CREATE UNIQUE INDEX payment_undecided ON payment (booking_id)
    WHERE status IN ('started', 'unknown', 'authorised');

CREATE TABLE refund (
    id         uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payment,
    amount     bigint NOT NULL CHECK (amount > 0),
    reason     text NOT NULL,
    status     text NOT NULL CHECK (status IN ('due', 'done')),
    created_at timestamptz NOT NULL,
    done_at    timestamptz
);
CREATE INDEX refund_of_payment ON refund (payment_id);
CREATE INDEX refund_due ON refund (created_at) WHERE status = 'due';

-- What the guest's money did: + is money we received, - is money we gave back.
CREATE TABLE ledger_entry (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    booking_id uuid NOT NULL REFERENCES booking,
    kind       text NOT NULL CHECK (kind IN ('payment', 'refund')),
    amount     bigint NOT NULL,
    currency   char(3) NOT NULL,
    payment_id uuid NOT NULL REFERENCES payment,
    refund_id  uuid REFERENCES refund,
    created_at timestamptz NOT NULL,
    CHECK ((kind = 'payment' AND amount >= 0) OR (kind = 'refund' AND amount < 0)),
    CHECK ((kind = 'refund') = (refund_id IS NOT NULL))
);
CREATE INDEX ledger_of_booking ON ledger_entry (booking_id);
CREATE UNIQUE INDEX ledger_payment_once ON ledger_entry (payment_id) WHERE kind = 'payment';
CREATE UNIQUE INDEX ledger_refund_once ON ledger_entry (refund_id) WHERE kind = 'refund';
