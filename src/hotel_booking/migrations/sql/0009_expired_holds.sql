-- Holds that were given back unpaid, until they are counted. Phase: expand (the release before runs on it: what it
-- expires is noted too).
--
-- A hold may expire in the sweep or in the sale that wants its nights, and either may be undone: a row in the same
-- transaction is true in any case, and waits for nobody's lock. The worker counts rows and deletes them.
CREATE TABLE hold_expired (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL
);

-- As in 0001, and notes it.
CREATE OR REPLACE FUNCTION booking_expire(p_bookings uuid[]) RETURNS void LANGUAGE sql AS $$
    UPDATE booking SET status = 'expired' WHERE id = ANY (p_bookings);
    UPDATE reservation SET status = 'expired', taken = NULL WHERE booking_id = ANY (p_bookings);
    INSERT INTO hold_expired (source) SELECT source FROM booking WHERE id = ANY (p_bookings);
$$;
