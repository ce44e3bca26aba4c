-- Guests in the house: what a reason passes over when they change their departure, and those of one room who come or leave
-- before the others, or do not come; and rooms that are cancelled before the others. Phase: expand (more is allowed than
-- before).
-- The new check lets more through than the one that goes, and is NOT VALID, so that the table is not read for it.
-- squawk-ignore ban-drop-constraint
ALTER TABLE stay_override DROP CONSTRAINT stay_override_refusal_check;
ALTER TABLE stay_override ADD CONSTRAINT stay_override_refusal_check CHECK (
    refusal IN ('room_needed', 'room_occupied', 'balance_open', 'fee_kept', 'closed', 'closed_to_departure',
                'min_stay_arrival', 'min_stay_through', 'max_stay')) NOT VALID;

-- The audit log: the state of a booking says of its rooms what is to be said, but where guests of some come, leave or do
-- not come and those of others are in another state, and where rooms are cancelled before the others. (With the last who
-- leave, the booking is checked out by the same statement.)
CREATE FUNCTION audit_rooms_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_booking record;
BEGIN
    SELECT status, property_id INTO v_booking FROM booking WHERE id = NEW.booking_id;
    IF v_booking.status IN ('checked_in', 'checked_out') AND NEW.status <> v_booking.status
       OR v_booking.status = 'confirmed' AND NEW.status = 'cancelled'
       OR v_booking.status = 'checked_in' AND EXISTS (SELECT FROM reservation WHERE booking_id = NEW.booking_id
                                                         AND status NOT IN (NEW.status, 'cancelled')) THEN
        PERFORM audit_write('update', 'reservation', NEW.id::text, v_booking.property_id, NEW.booking_id,
                            jsonb_build_object('status', OLD.status), jsonb_build_object('status', NEW.status));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_rooms_state AFTER UPDATE OF status ON reservation FOR EACH ROW
    WHEN (OLD.status IN ('confirmed', 'checked_in') AND OLD.status <> NEW.status
          AND NEW.status IN ('confirmed', 'checked_in', 'checked_out', 'no_show', 'cancelled'))
    EXECUTE FUNCTION audit_rooms_state();

-- As in 0007; of a booking that stands the fee of a room that was cancelled before the others, or whose guests did not
-- come, is a line of its own. It is a part of what the booking comes to. Bookings'.
CREATE OR REPLACE FUNCTION charge_settle(p_booking uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_owed record;
BEGIN
    SELECT CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN b.total - r.missing ELSE 0 END AS stay,
           CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN r.missing
                WHEN b.status IN ('cancelled', 'no_show') THEN r.fee ELSE 0 END AS fee,
           b.currency, b.goodwill
      INTO v_owed
      FROM booking b
     CROSS JOIN LATERAL (SELECT coalesce(sum(fee), 0)::bigint AS fee,
                                coalesce(sum(fee) FILTER (WHERE status IN ('no_show', 'cancelled')), 0)::bigint AS missing
                           FROM reservation WHERE booking_id = b.id) AS r
     WHERE b.id = p_booking;
    PERFORM ledger_charges_become(
        p_booking, ARRAY['stay', 'fee', 'goodwill'],
        ARRAY[v_owed.stay, v_owed.fee, -least(v_owed.goodwill, v_owed.stay + v_owed.fee)], v_owed.currency, p_now);
END $$;

-- As in 0006; rooms that were cancelled before the others have the dates that they were cancelled with, which the booking's
-- are no more once these change. The caller holds the booking's lock. Bookings'.
CREATE OR REPLACE FUNCTION booking_entry_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_entry e SET arrival = r.arrival, departure = r.departure, fee = greatest(r.fee - b.goodwill, 0)
      FROM (SELECT coalesce(min(arrival) FILTER (WHERE status <> 'cancelled'), min(arrival)) AS arrival,
                   coalesce(max(departure) FILTER (WHERE status <> 'cancelled'), max(departure)) AS departure,
                   sum(fee) AS fee
              FROM reservation WHERE booking_id = NEW.booking_id) AS r,
           booking b
     WHERE e.booking_id = NEW.booking_id AND b.id = NEW.booking_id;
    RETURN NULL;
END $$;
