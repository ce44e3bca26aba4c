-- Who made a hold without being known, so that one person's open holds can be counted: by address, browser and mailbox,
-- each as a hash, and for two days only. The release before writes none and runs on.
CREATE TABLE hold_maker (
    booking_id uuid PRIMARY KEY REFERENCES booking ON DELETE CASCADE,
    network    bytea NOT NULL,
    browser    bytea,                                -- NULL: a browser that had no name yet, or a program
    mailbox    bytea NOT NULL,
    rooms      smallint NOT NULL,
    made_at    timestamptz NOT NULL
);
CREATE INDEX hold_maker_network ON hold_maker (network, made_at);
CREATE INDEX hold_maker_browser ON hold_maker (browser, made_at) WHERE browser IS NOT NULL;
CREATE INDEX hold_maker_mailbox ON hold_maker (mailbox, made_at);
CREATE INDEX hold_maker_age ON hold_maker (made_at);

-- How many rooms and bookings each of p_whos (hashes of an address, a browser, a mailbox) holds open at p_now, and how
-- many of a day it never paid for. Whoever asks for one of them at the same time waits until the other has committed:
-- always in the order of the hashes, and before any room is locked.
CREATE FUNCTION holds_of(p_whos bytea[], p_now timestamptz)
RETURNS TABLE (who bytea, bookings bigint, rooms bigint, unpaid bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_who bytea;
BEGIN
    FOR v_who IN SELECT DISTINCT w FROM unnest(p_whos) AS w ORDER BY w LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(encode(v_who, 'hex'), 28));
    END LOOP;
    RETURN QUERY
    SELECT w.who, count(*) FILTER (WHERE m.open), coalesce(sum(m.rooms) FILTER (WHERE m.open), 0)::bigint,
           count(m.booking_id)
      FROM unnest(p_whos) AS w (who)
      LEFT JOIN LATERAL (
           SELECT h.booking_id, h.rooms::int, b.status = 'held' AND b.hold_expires_at > p_now AS open
             FROM hold_maker h JOIN booking b ON b.id = h.booking_id
            WHERE (h.network = w.who OR h.browser = w.who OR h.mailbox = w.who)
              AND h.made_at > p_now - interval '1 day'
              AND NOT EXISTS (SELECT FROM payment p
                               WHERE p.booking_id = h.booking_id AND p.status IN ('authorised', 'captured'))) AS m
        ON true
     GROUP BY w.who;
END $$;
