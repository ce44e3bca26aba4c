-- The ledger's lines of what is owed are written by payments' functions; bookings, who know what is owed, call them.
-- Phase: expand (the same names do the same for the release before).

-- Notes that so much is owed: payments'.
CREATE FUNCTION ledger_charge_add(p_booking uuid, p_kind text, p_amount bigint, p_currency text, p_now timestamptz)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_charge (booking_id, kind, amount, currency, created_at)
        VALUES (p_booking, p_kind, p_amount, p_currency, p_now);
END $$;

-- Makes the lines say that these amounts are owed and no others: payments'. What no longer holds is taken back; what
-- holds and is there already stays. The caller holds the booking's lock.
CREATE FUNCTION ledger_charges_become(
    p_booking uuid, p_kinds text[], p_amounts bigint[], p_currency text, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH line AS (
        SELECT c.id, c.kind, c.amount FROM ledger_charge c
         WHERE c.booking_id = p_booking AND c.kind <> 'reversal'
           AND NOT EXISTS (SELECT FROM ledger_charge r WHERE r.reverses = c.id)
    ), wanted AS (
        SELECT * FROM unnest(p_kinds, p_amounts) AS w(kind, amount) WHERE w.amount <> 0
    )
    INSERT INTO ledger_charge (booking_id, kind, amount, currency, reverses, created_at)
        SELECT p_booking, 'reversal', -line.amount, p_currency, line.id, p_now
          FROM line WHERE NOT EXISTS (SELECT FROM wanted WHERE wanted.kind = line.kind AND wanted.amount = line.amount)
        UNION ALL
        SELECT p_booking, wanted.kind, wanted.amount, p_currency, NULL, p_now
          FROM wanted WHERE NOT EXISTS (SELECT FROM line WHERE line.kind = wanted.kind AND line.amount = wanted.amount);
END $$;

-- Brings what the guest owes up to date: the price or the fee, and what of it the hotel lets go. The caller holds
-- the booking's lock. Bookings'.
CREATE OR REPLACE FUNCTION charge_settle(p_booking uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_owed record;
BEGIN
    SELECT CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN 'stay' ELSE 'fee' END AS kind,
           CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN b.total
                WHEN b.status IN ('cancelled', 'no_show')
                THEN (SELECT sum(fee)::bigint FROM reservation WHERE booking_id = b.id) ELSE 0 END AS amount,
           b.currency, b.goodwill
      INTO v_owed FROM booking b WHERE b.id = p_booking;
    PERFORM ledger_charges_become(
        p_booking, ARRAY[v_owed.kind, 'goodwill'],
        ARRAY[v_owed.amount, -least(v_owed.goodwill, v_owed.amount)], v_owed.currency, p_now);
END $$;

-- As in 0003; the line is payments' to write. Bookings'.
CREATE OR REPLACE FUNCTION booking_confirm(p_booking uuid, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_booking booking;
    v_rooms   record;
BEGIN
    SELECT * INTO v_booking FROM booking WHERE id = p_booking FOR UPDATE;
    IF v_booking.status = 'confirmed' THEN
        RETURN false;
    ELSIF v_booking.status = 'expired' THEN
        SELECT array_agg(room_type_id) AS types, array_agg(arrival) AS arrivals,
               array_agg(departure) AS departures, array_agg(1) AS deltas
          INTO v_rooms FROM reservation WHERE booking_id = p_booking;
        PERFORM booking_take_nights(p_now, v_rooms.types, v_rooms.arrivals, v_rooms.departures, v_rooms.deltas);
    ELSIF v_booking.status <> 'held' THEN
        RAISE EXCEPTION 'not held' USING ERRCODE = 'HB013', DETAIL = v_booking.status;
    END IF;
    UPDATE booking SET status = 'confirmed', confirmed_at = p_now WHERE id = p_booking;
    UPDATE reservation SET status = 'confirmed', taken = daterange(arrival, departure) WHERE booking_id = p_booking;
    IF v_booking.total > 0 THEN
        PERFORM ledger_charge_add(p_booking, 'stay', v_booking.total, v_booking.currency, p_now);
    END IF;
    RETURN true;
END $$;
