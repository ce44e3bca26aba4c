-- A hold in one round trip: who may, the rooms, the booking, and what it looks like. Phase: expand; booking_hold of
-- 0001 stays for the release before, and does the same.

-- A booking as it is read everywhere, whole, with its rooms: domains/bookings/queries.py makes a struct of it.
CREATE VIEW booking_seen AS
SELECT b.id, b.reference, b.status, b.property_id, p.slug AS property_slug, p.name AS property_name, p.timezone,
       b.currency, b.total, b.due_now,
       (SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger_entry e WHERE e.booking_id = b.id)
       -- OFFSET 0: looked for by payment, however many refunds are due while a gateway is down.
       - (SELECT coalesce(sum(r.amount), 0)::bigint FROM payment y
           CROSS JOIN LATERAL (SELECT amount, status FROM refund WHERE payment_id = y.id OFFSET 0) AS r
           WHERE y.booking_id = b.id AND r.status = 'due') AS paid,
       (SELECT coalesce(sum(coalesce(y.to_capture, y.amount)), 0)::bigint FROM payment y
         WHERE y.booking_id = b.id AND y.status = 'reserved') AS reserved,
       b.goodwill, b.requests, g.given_name, g.family_name, g.email, g.phone, g.country, b.access_hash, b.created_at,
       b.hold_expires_at, b.confirmed_at, b.cancelled_at, b.source, b.language,
       concat_ws(', ', nullif(p.address, ''), nullif(trim(p.postal_code || ' ' || p.city), '')) AS address,
       p.check_in_time, p.check_out_time, p.day_end_time,
       (SELECT jsonb_agg(to_jsonb(r) - 'taken' || jsonb_build_object(
                   'room_type', rt.code, 'room_type_name', rt.name, 'rate_plan', rp.code,
                   'rate_plan_name', rp.name, 'terms', t.body, 'room', room.number) ORDER BY r.position)
          FROM reservation r
          JOIN room_type rt ON rt.id = r.room_type_id
          JOIN rate_plan rp ON rp.id = r.rate_plan_id
          JOIN sale_terms t ON t.id = r.terms_id
          LEFT JOIN room_use u ON u.reservation_id = r.id
          LEFT JOIN room ON room.id = u.room_id
         WHERE r.booking_id = b.id) AS reservations
  FROM booking b
  JOIN property p ON p.id = b.property_id
  JOIN guest g ON g.id = b.guest_id;

-- The booking, locked until the transaction ends. No row where there is none. Bookings are locked before any
-- room-night, everywhere.
CREATE FUNCTION booking_locked(p_booking uuid) RETURNS SETOF booking_seen LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM booking WHERE id = p_booking FOR UPDATE;
    -- A statement of its own: it sees what whoever held the lock has committed.
    RETURN QUERY SELECT * FROM booking_seen WHERE id = p_booking;
END $$;

-- Raises HB014 where somebody who is not known has enough open holds, HB015 where they paid for too few of a day's.
-- p_limits: bookings an address, its rooms, bookings a browser, a mailbox, and how many times that within a day; p_more
-- are the rooms wanted now.
CREATE FUNCTION holds_admit(
    p_network bytea, p_browser bytea, p_mailbox bytea, p_limits int[], p_more int, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_open   boolean := false;
    v_unpaid boolean := false;
BEGIN
    SELECT bool_or(h.bookings >= l.most OR (h.who = p_network AND h.rooms + p_more > p_limits[2])),
           bool_or(h.unpaid >= p_limits[5] * l.most)
      INTO v_open, v_unpaid
      FROM holds_of(array_remove(ARRAY[p_network, p_mailbox, p_browser], NULL), p_now) AS h,
           LATERAL (SELECT CASE h.who WHEN p_network THEN p_limits[1] WHEN p_browser THEN p_limits[3]
                                      ELSE p_limits[4] END AS most) AS l;
    IF v_open THEN
        RAISE EXCEPTION 'too many open holds' USING ERRCODE = 'HB014';
    ELSIF v_unpaid THEN
        RAISE EXCEPTION 'too many unpaid holds' USING ERRCODE = 'HB015';
    END IF;
END $$;

-- As in 0001: takes the nights, first giving back those of expired holds that overlap them, so that a lapsed hold never
-- refuses a guest, worker or no worker. Expired holds are looked for where rooms are short alone: however many wait for
-- the sweep, they cost nobody else. OFFSET 0 keeps that a look-up for each of them, by index: a plan that knows no p_now
-- believes that a third of all holds have expired, and reads every reservation there is.
CREATE OR REPLACE FUNCTION booking_take_nights(
    p_now timestamptz, p_types int[], p_from date[], p_until date[], p_deltas int[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_expired uuid[];
BEGIN
    BEGIN
        PERFORM inventory_change(p_types, p_from, p_until, p_deltas);
        RETURN;
    EXCEPTION WHEN SQLSTATE 'HB001' THEN
        NULL;                                      -- the nights' locks are gone too: bookings come first
    END;
    SELECT array_agg(e.id) INTO v_expired FROM (
        SELECT b.id FROM booking b
         WHERE b.status = 'held' AND b.hold_expires_at <= p_now
           AND EXISTS (SELECT FROM (SELECT * FROM reservation WHERE booking_id = b.id OFFSET 0) AS r,
                              unnest(p_types, p_from, p_until, p_deltas) AS w(t, a, z, d)
                        WHERE r.room_type_id = w.t AND w.d > 0 AND r.arrival < w.z AND r.departure > w.a OFFSET 0)
         ORDER BY b.id FOR UPDATE) AS e;
    IF v_expired IS NOT NULL THEN
        SELECT p_types || array_agg(r.room_type_id), p_from || array_agg(lower(r.taken)),
               p_until || array_agg(upper(r.taken)), p_deltas || array_agg(-1)
          INTO p_types, p_from, p_until, p_deltas
          FROM reservation r WHERE r.booking_id = ANY (v_expired) AND r.taken IS NOT NULL;
        PERFORM booking_expire(v_expired);
    END IF;
    PERFORM inventory_change(p_types, p_from, p_until, p_deltas);
END $$;

-- Holds every room of a quote, or none. Raises HB001 (sold out), HB010 (no such quote), HB011 (quote expired),
-- HB012 (quote already used; DETAIL is the reference of its booking), and as holds_admit. p_limits NULL: the maker is
-- known, and not counted. Nothing is enqueued: a hold that has expired counts as free, and the sweep ends it.
--
-- The nights are taken last: whoever else wants one of them waits from there until the commit alone. Where a look without
-- locks shows too few rooms they are taken first, so that a refusal has written nothing.
CREATE FUNCTION booking_make(
    p_quote uuid, p_booking uuid, p_reference text, p_access_hash bytea, p_guest jsonb, p_guest_names text[],
    p_requests text, p_source text, p_language text, p_now timestamptz, p_expires timestamptz,
    p_network bytea, p_browser bytea, p_mailbox bytea, p_limits int[]
) RETURNS SETOF booking_seen LANGUAGE plpgsql AS $$
DECLARE
    v_quote quote;
    v_guest uuid := gen_random_uuid();
    v_types int[];
    v_count int;
    v_short boolean;
BEGIN
    IF p_limits IS NOT NULL THEN
        PERFORM holds_admit(p_network, p_browser, p_mailbox, p_limits,
                            coalesce((SELECT jsonb_array_length(rooms) FROM quote WHERE id = p_quote), 0), p_now);
    END IF;
    UPDATE quote SET booking_id = p_booking
     WHERE id = p_quote AND booking_id IS NULL AND expires_at > p_now RETURNING * INTO v_quote;
    IF NOT FOUND THEN
        SELECT * INTO v_quote FROM quote WHERE id = p_quote;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such quote' USING ERRCODE = 'HB010';
        ELSIF v_quote.booking_id IS NOT NULL THEN
            RAISE EXCEPTION 'quote used' USING ERRCODE = 'HB012',
                DETAIL = (SELECT reference FROM booking WHERE id = v_quote.booking_id);
        ELSE
            RAISE EXCEPTION 'quote expired' USING ERRCODE = 'HB011';
        END IF;
    END IF;
    SELECT array_agg((r ->> 'room_type_id')::int), count(*) INTO v_types, v_count
      FROM jsonb_array_elements(v_quote.rooms) AS r;
    SELECT count(*) FILTER (WHERE n.capacity + n.overbooking_limit - n.taken >= w.rooms)
           < count(DISTINCT w.kind) * (v_quote.departure - v_quote.arrival)
      INTO v_short
      FROM (SELECT t AS kind, count(*) AS rooms FROM unnest(v_types) AS t GROUP BY t) AS w
      LEFT JOIN room_night n ON n.room_type_id = w.kind AND n.night >= v_quote.arrival AND n.night < v_quote.departure;
    IF v_short THEN
        PERFORM booking_take_nights(
            p_now, v_types, array_fill(v_quote.arrival, ARRAY[v_count]),
            array_fill(v_quote.departure, ARRAY[v_count]), array_fill(1, ARRAY[v_count]));
    END IF;
    INSERT INTO guest (id, given_name, family_name, email, phone, country, created_at)
        VALUES (v_guest, p_guest ->> 'given_name', p_guest ->> 'family_name', p_guest ->> 'email',
                p_guest ->> 'phone', p_guest ->> 'country', p_now);
    INSERT INTO booking (id, reference, property_id, guest_id, status, currency, total, due_now, requests,
                         access_hash, source, language, created_at, hold_expires_at)
        VALUES (p_booking, p_reference, v_quote.property_id, v_guest, 'held', v_quote.currency, v_quote.total,
                v_quote.due_now, p_requests, p_access_hash, p_source, p_language, p_now, p_expires);
    INSERT INTO reservation (id, booking_id, position, room_type_id, rate_plan_id, arrival, departure, taken,
                             status, adults, children, guest_name, terms_id, night_prices, net, tax, total)
        SELECT gen_random_uuid(), p_booking, r.position, (r.room ->> 'room_type_id')::int,
               (r.room ->> 'rate_plan_id')::int, v_quote.arrival, v_quote.departure,
               daterange(v_quote.arrival, v_quote.departure), 'held', (r.room ->> 'adults')::smallint,
               ARRAY(SELECT jsonb_array_elements_text(r.room -> 'children')::smallint),
               p_guest_names[r.position], (r.room ->> 'terms_id')::uuid, r.room -> 'night_prices',
               (r.room ->> 'net')::bigint, (r.room ->> 'tax')::bigint, (r.room ->> 'total')::bigint
          FROM jsonb_array_elements(v_quote.rooms) WITH ORDINALITY AS r(room, position);
    IF p_limits IS NOT NULL THEN
        INSERT INTO hold_maker (booking_id, network, browser, mailbox, rooms, made_at)
            VALUES (p_booking, p_network, p_browser, p_mailbox, v_count, p_now);
    END IF;
    RETURN QUERY SELECT * FROM booking_seen WHERE id = p_booking;
    IF NOT v_short THEN
        PERFORM booking_take_nights(
            p_now, v_types, array_fill(v_quote.arrival, ARRAY[v_count]),
            array_fill(v_quote.departure, ARRAY[v_count]), array_fill(1, ARRAY[v_count]));
    END IF;
END $$;
