-- Which bookings a browser may open, and what was typed in a checkout that did not go through. A browser is known by a
-- random name in a cookie, of which only the hash is kept: whoever reads the table opens nothing.
-- The release before knows neither table and runs on.
CREATE TABLE browser_booking (
    browser       bytea NOT NULL CHECK (length(browser) = 32),
    booking_id    uuid NOT NULL REFERENCES booking ON DELETE CASCADE,
    remembered_at timestamptz NOT NULL,
    PRIMARY KEY (browser, booking_id)
);
CREATE INDEX browser_booking_of_booking ON browser_booking (booking_id);
CREATE INDEX browser_booking_age ON browser_booking (remembered_at);

CREATE TABLE checkout_draft (
    browser bytea PRIMARY KEY CHECK (length(browser) = 32),
    details jsonb NOT NULL CHECK (pg_column_size(details) < 32768),
    kept_at timestamptz NOT NULL
);
CREATE INDEX checkout_draft_age ON checkout_draft (kept_at);
