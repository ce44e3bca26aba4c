-- The write path: one function per step, one round trip. Time is always passed in.
-- Locks are taken in one order everywhere: quote, booking (by id), room-nights (by room type, night).

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'HB900';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sale_terms
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- inventory --------------------------------------------------------------------------------------

-- Adds p_deltas[i] to the rooms taken of every night in [p_from[i], p_until[i]) of p_room_types[i].
-- Crossing ranges are added up first; a night whose sum is 0 is not touched. All or nothing: where a
-- night has too few rooms left, or is not on sale, raises HB001 and names those nights in DETAIL
-- ([{"room_type_id", "night", "left"}]; left is null where the night is not on sale).
CREATE FUNCTION inventory_change(p_room_types int[], p_from date[], p_until date[], p_deltas int[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_types  int[];
    v_nights date[];
    v_deltas int[];
    v_found  int := 0;
    v_short  jsonb := '[]';
    v_row    record;
BEGIN
    SELECT array_agg(w.t ORDER BY w.t, w.n), array_agg(w.n ORDER BY w.t, w.n), array_agg(w.d ORDER BY w.t, w.n)
      INTO v_types, v_nights, v_deltas
      FROM (SELECT r.t, r.a + i.n AS n, sum(r.d)::int AS d
              FROM unnest(p_room_types, p_from, p_until, p_deltas) AS r(t, a, z, d),
                   generate_series(0, r.z - r.a - 1) AS i(n)
             GROUP BY 1, 2 HAVING sum(r.d) <> 0) AS w;
    IF v_types IS NULL THEN
        RETURN;
    END IF;
    -- Oldest night first, type by type: an UPDATE promises no lock order, this SELECT does.
    FOR v_row IN
        SELECT rn.room_type_id, rn.night, w.delta, rn.capacity + rn.overbooking_limit - rn.taken AS free
          FROM unnest(v_types, v_nights, v_deltas) AS w(room_type_id, night, delta)
          JOIN room_night rn USING (room_type_id, night)
         ORDER BY rn.room_type_id, rn.night
           FOR UPDATE OF rn
    LOOP
        v_found := v_found + 1;
        IF v_row.delta > v_row.free AND v_row.delta > 0 THEN
            v_short := v_short || jsonb_build_object(
                'room_type_id', v_row.room_type_id, 'night', v_row.night, 'left', v_row.free);
        END IF;
    END LOOP;
    IF v_found < cardinality(v_types) THEN
        v_short := v_short || (
            SELECT jsonb_agg(jsonb_build_object('room_type_id', w.t, 'night', w.n, 'left', NULL))
              FROM unnest(v_types, v_nights) AS w(t, n)
             WHERE NOT EXISTS (SELECT FROM room_night WHERE room_type_id = w.t AND night = w.n));
    END IF;
    IF v_short <> '[]' THEN
        RAISE EXCEPTION 'sold out' USING ERRCODE = 'HB001', DETAIL = v_short::text;
    END IF;
    UPDATE room_night rn SET taken = rn.taken + w.delta
      FROM unnest(v_types, v_nights, v_deltas) AS w(room_type_id, night, delta)
     WHERE rn.room_type_id = w.room_type_id AND rn.night = w.night;
END $$;

-- bookings ---------------------------------------------------------------------------------------

-- Marks the given held bookings expired; the caller holds their row locks and gives the nights back.
CREATE FUNCTION booking_expire(p_bookings uuid[]) RETURNS void LANGUAGE sql AS $$
    UPDATE booking SET status = 'expired' WHERE id = ANY (p_bookings);
    UPDATE reservation SET status = 'expired', taken = NULL WHERE booking_id = ANY (p_bookings);
$$;

-- Takes the nights in p_take (+1 each), first giving back those of expired holds that overlap them, so
-- a lapsed hold never refuses a guest, worker or no worker. Locks: expired bookings by id, then nights.
CREATE FUNCTION booking_take_nights(
    p_now timestamptz, p_types int[], p_from date[], p_until date[], p_deltas int[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_expired uuid[];
BEGIN
    SELECT array_agg(e.id) INTO v_expired FROM (
        SELECT b.id FROM booking b
         WHERE b.status = 'held' AND b.hold_expires_at <= p_now
           AND EXISTS (SELECT FROM reservation r,
                              unnest(p_types, p_from, p_until, p_deltas) AS w(t, a, z, d)
                        WHERE r.booking_id = b.id AND r.room_type_id = w.t AND w.d > 0
                          AND r.arrival < w.z AND r.departure > w.a)
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

CREATE FUNCTION enqueue(p_queue text, p_task text, p_args jsonb, p_at timestamptz) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW(p_queue, p_task, 0, NULL, NULL, p_args, p_at)::procrastinate_job_to_defer_v1]);
END $$;

-- Holds every room of a quote, or none. Raises HB001 (sold out), HB010 (no such quote), HB011 (quote
-- expired), HB012 (quote already used; DETAIL is the reference of its booking).
CREATE FUNCTION booking_hold(
    p_quote uuid, p_booking uuid, p_reference text, p_access_hash bytea, p_guest jsonb, p_guest_names text[],
    p_requests text, p_source text, p_now timestamptz, p_expires timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_quote quote;
    v_guest uuid := gen_random_uuid();
    v_types int[];
    v_count int;
BEGIN
    SELECT * INTO v_quote FROM quote WHERE id = p_quote FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such quote' USING ERRCODE = 'HB010';
    ELSIF v_quote.booking_id IS NOT NULL THEN
        RAISE EXCEPTION 'quote used' USING ERRCODE = 'HB012',
            DETAIL = (SELECT reference FROM booking WHERE id = v_quote.booking_id);
    ELSIF v_quote.expires_at <= p_now THEN
        RAISE EXCEPTION 'quote expired' USING ERRCODE = 'HB011';
    END IF;
    SELECT array_agg((r ->> 'room_type_id')::int), count(*) INTO v_types, v_count
      FROM jsonb_array_elements(v_quote.rooms) AS r;
    PERFORM booking_take_nights(
        p_now, v_types, array_fill(v_quote.arrival, ARRAY[v_count]),
        array_fill(v_quote.departure, ARRAY[v_count]), array_fill(1, ARRAY[v_count]));
    INSERT INTO guest (id, given_name, family_name, email, phone, country, created_at)
        VALUES (v_guest, p_guest ->> 'given_name', p_guest ->> 'family_name', p_guest ->> 'email',
                p_guest ->> 'phone', p_guest ->> 'country', p_now);
    INSERT INTO booking (id, reference, property_id, guest_id, status, currency, total, due_now, requests,
                         access_hash, source, created_at, hold_expires_at)
        VALUES (p_booking, p_reference, v_quote.property_id, v_guest, 'held', v_quote.currency, v_quote.total,
                v_quote.due_now, p_requests, p_access_hash, p_source, p_now, p_expires);
    INSERT INTO reservation (id, booking_id, position, room_type_id, rate_plan_id, arrival, departure, taken,
                             status, adults, children, guest_name, terms_id, night_prices, net, tax, total)
        SELECT gen_random_uuid(), p_booking, r.position, (r.room ->> 'room_type_id')::int,
               (r.room ->> 'rate_plan_id')::int, v_quote.arrival, v_quote.departure,
               daterange(v_quote.arrival, v_quote.departure), 'held', (r.room ->> 'adults')::smallint,
               ARRAY(SELECT jsonb_array_elements_text(r.room -> 'children')::smallint),
               p_guest_names[r.position], (r.room ->> 'terms_id')::uuid, r.room -> 'night_prices',
               (r.room ->> 'net')::bigint, (r.room ->> 'tax')::bigint, (r.room ->> 'total')::bigint
          FROM jsonb_array_elements(v_quote.rooms) WITH ORDINALITY AS r(room, position);
    UPDATE quote SET booking_id = p_booking WHERE id = p_quote;
    PERFORM enqueue('bookings', 'bookings:lapse', jsonb_build_object('booking_id', p_booking), p_expires);
END $$;

-- Gives a hold's nights back if it is still held and has expired at p_now. True if it did; so however
-- often and from wherever it is called, the nights come back exactly once.
CREATE FUNCTION booking_lapse(p_booking uuid, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM booking WHERE id = p_booking AND status = 'held' AND hold_expires_at <= p_now FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM booking_release(p_booking);
    PERFORM booking_expire(ARRAY[p_booking]);
    RETURN true;
END $$;

-- Gives back every night that the booking's reservations have; the caller holds the booking's lock and
-- sets the reservations' new state.
CREATE FUNCTION booking_release(p_booking uuid) RETURNS void LANGUAGE sql AS $$
    SELECT inventory_change(array_agg(r.room_type_id), array_agg(lower(r.taken)),
                            array_agg(upper(r.taken)), array_agg(-1))
      FROM reservation r WHERE r.booking_id = p_booking AND r.taken IS NOT NULL;
$$;

-- Confirms a held booking. A hold that has expired in the meantime is still confirmed if its nights are
-- still its own, or are free to take again; else raises HB001. Raises HB013 where it is neither held nor
-- expired (DETAIL is its status). Returns false where it is confirmed already.
CREATE FUNCTION booking_confirm(p_booking uuid, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_status text;
    v_rooms  record;
BEGIN
    SELECT status INTO v_status FROM booking WHERE id = p_booking FOR UPDATE;
    IF v_status = 'confirmed' THEN
        RETURN false;
    ELSIF v_status = 'expired' THEN
        SELECT array_agg(room_type_id) AS types, array_agg(arrival) AS arrivals,
               array_agg(departure) AS departures, array_agg(1) AS deltas
          INTO v_rooms FROM reservation WHERE booking_id = p_booking;
        PERFORM booking_take_nights(p_now, v_rooms.types, v_rooms.arrivals, v_rooms.departures, v_rooms.deltas);
    ELSIF v_status <> 'held' THEN
        RAISE EXCEPTION 'not held' USING ERRCODE = 'HB013', DETAIL = v_status;
    END IF;
    UPDATE booking SET status = 'confirmed', confirmed_at = p_now WHERE id = p_booking;
    UPDATE reservation SET status = 'confirmed', taken = daterange(arrival, departure) WHERE booking_id = p_booking;
    RETURN true;
END $$;
