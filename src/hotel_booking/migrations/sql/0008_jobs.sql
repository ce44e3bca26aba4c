-- A new job notifies nobody. Phase: expand (a worker of the release before finds its jobs within five seconds).
--
-- NOTIFY takes one lock of the whole database from before the commit until the commit is on disk: sales that enqueue a
-- job (a mail, a refund) would commit one after the other, where else one write of the log commits many of them.
-- Workers look every second instead, which needs no connection of its own that listens.
DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs;

-- Until when, by the time at which they were made, holds have been looked at for whether their guests need a link to
-- pay: each hold once, however many are never paid for. NULL: never yet.
CREATE TABLE hold_telling (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    told_until timestamptz
);
INSERT INTO hold_telling DEFAULT VALUES;

-- Quotes that nobody booked are forgotten. Those that were booked stay for ever, and no sweep has to pass over them, nor
-- a sale to write into an index for it.
CREATE INDEX quote_unused ON quote (expires_at) WHERE booking_id IS NULL;
DROP INDEX quote_age;

-- Gives back the nights of those of the bookings that are held and have expired at p_now; how many. Those that somebody
-- is about to pay for or to change are left for the next time.
CREATE FUNCTION bookings_lapse(p_bookings uuid[], p_now timestamptz) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_expired uuid[];
BEGIN
    SELECT array_agg(e.id) INTO v_expired FROM (
        SELECT b.id FROM booking b
         WHERE b.id = ANY (p_bookings) AND b.status = 'held' AND b.hold_expires_at <= p_now
         ORDER BY b.id FOR UPDATE SKIP LOCKED) AS e;
    IF v_expired IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM inventory_change(array_agg(r.room_type_id), array_agg(lower(r.taken)), array_agg(upper(r.taken)),
                             array_agg(-1))
       FROM reservation r WHERE r.booking_id = ANY (v_expired) AND r.taken IS NOT NULL;
    PERFORM booking_expire(v_expired);
    RETURN cardinality(v_expired);
END $$;
