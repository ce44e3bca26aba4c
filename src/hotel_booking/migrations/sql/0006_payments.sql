-- One reservation for a debt, and what the hotel lets go of it. Expand only: the release before runs on this.
-- Replaces the functions charge_settle (0003), booking_entry_room and booking_entry_state (0002).

-- one reservation --------------------------------------------------------------------------------

-- Whether it is paid on the gateway's own page: a card typed elsewhere is another try.
ALTER TABLE payment ADD COLUMN hosted boolean NOT NULL DEFAULT false;
-- What a gateway tells of by its own name, and what is compared with its list.
CREATE INDEX payment_of_reference ON payment (gateway, gateway_reference) WHERE gateway_reference IS NOT NULL;

-- At most one reservation stands for a debt: the deposit, the balance, the fee. Of those that were doubled the
-- first one stays; the sweep lets the others go.
UPDATE payment p SET status = 'voiding', to_capture = 0, problem = 'a second reservation for the same debt; it is let go'
  FROM (SELECT id, row_number() OVER (PARTITION BY booking_id, purpose ORDER BY created_at, id) AS position
          FROM payment WHERE status = 'reserved') AS r
 WHERE p.id = r.id AND r.position > 1;
CREATE UNIQUE INDEX payment_reserved_once ON payment (booking_id, purpose) WHERE status = 'reserved';

-- Signed, and yet it cannot be read: it is kept with the reason, and staff see it.
ALTER TABLE gateway_notice ADD COLUMN problem text;
CREATE INDEX gateway_notice_odd ON gateway_notice (received_at) WHERE problem IS NOT NULL;

-- goodwill ---------------------------------------------------------------------------------------

-- What the hotel gave back and does not want again: so much less is owed of the price, or of the fee.
ALTER TABLE booking ADD COLUMN goodwill bigint NOT NULL DEFAULT 0 CHECK (goodwill >= 0);
CALL audit_sales();

ALTER TABLE ledger_charge DROP CONSTRAINT ledger_charge_kind_check;
ALTER TABLE ledger_charge DROP CONSTRAINT ledger_charge_check;
ALTER TABLE ledger_charge
    ADD CONSTRAINT ledger_charge_kind_check CHECK (kind IN ('stay', 'fee', 'goodwill', 'reversal')),
    ADD CONSTRAINT ledger_charge_amount_check CHECK (
        CASE kind WHEN 'reversal' THEN amount <> 0 WHEN 'goodwill' THEN amount < 0 ELSE amount > 0 END);

-- Brings what the guest owes up to date: the price or the fee, and what of it the hotel lets go. The caller holds
-- the booking's lock.
CREATE OR REPLACE FUNCTION charge_settle(p_booking uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_owed    record;
    v_kinds   text[];
    v_amounts bigint[];
BEGIN
    SELECT CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN 'stay' ELSE 'fee' END AS kind,
           CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN b.total
                WHEN b.status IN ('cancelled', 'no_show')
                THEN (SELECT sum(fee)::bigint FROM reservation WHERE booking_id = b.id) ELSE 0 END AS amount,
           b.currency, b.goodwill
      INTO v_owed FROM booking b WHERE b.id = p_booking;
    v_kinds := ARRAY[v_owed.kind, 'goodwill'];
    v_amounts := ARRAY[v_owed.amount, -least(v_owed.goodwill, v_owed.amount)];
    -- What no longer holds is taken back; what holds and is there already stays.
    WITH line AS (
        SELECT c.id, c.kind, c.amount FROM ledger_charge c
         WHERE c.booking_id = p_booking AND c.kind <> 'reversal'
           AND NOT EXISTS (SELECT FROM ledger_charge r WHERE r.reverses = c.id)
    ), wanted AS (
        SELECT * FROM unnest(v_kinds, v_amounts) AS w(kind, amount) WHERE w.amount <> 0
    )
    INSERT INTO ledger_charge (booking_id, kind, amount, currency, reverses, created_at)
        SELECT p_booking, 'reversal', -line.amount, v_owed.currency, line.id, p_now
          FROM line WHERE NOT EXISTS (SELECT FROM wanted WHERE wanted.kind = line.kind AND wanted.amount = line.amount)
        UNION ALL
        SELECT p_booking, wanted.kind, wanted.amount, v_owed.currency, NULL, p_now
          FROM wanted WHERE NOT EXISTS (SELECT FROM line WHERE line.kind = wanted.kind AND line.amount = wanted.amount);
END $$;

-- The listing's total and fee are what is owed of them: its balance is computed from these.
CREATE OR REPLACE FUNCTION booking_entry_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_entry e SET arrival = r.arrival, departure = r.departure, fee = greatest(r.fee - b.goodwill, 0)
      FROM (SELECT min(arrival) AS arrival, max(departure) AS departure, sum(fee) AS fee
              FROM reservation WHERE booking_id = NEW.booking_id) AS r,
           booking b
     WHERE e.booking_id = NEW.booking_id AND b.id = NEW.booking_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION booking_entry_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_entry SET status = NEW.status, total = greatest(NEW.total - NEW.goodwill, 0)
     WHERE booking_id = NEW.id;
    IF NEW.goodwill <> OLD.goodwill THEN
        UPDATE booking_entry e
           SET fee = greatest((SELECT sum(fee) FROM reservation WHERE booking_id = NEW.id) - NEW.goodwill, 0)
         WHERE e.booking_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER listed_state AFTER UPDATE OF status, total, goodwill ON booking FOR EACH ROW
    WHEN ((NEW.status, NEW.total, NEW.goodwill) IS DISTINCT FROM (OLD.status, OLD.total, OLD.goodwill))
    EXECUTE FUNCTION booking_entry_state();
