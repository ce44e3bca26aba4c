-- Real payments: captured at a date, cards kept for later, what a gateway tells by itself, what a sale owes in the
-- ledger, and the daily comparison with the gateway. Phase: expand (the release before runs on this schema).

-- payments ---------------------------------------------------------------------------------------
--
-- A payment's state says what is to be done next, whoever crashed:
--   started, unknown (and authorised, of the release before)   ask the gateway
--   requires_action                                            wait for the guest, as long as the hold lasts
--   reserved                                                   the room is sold: take the money at capture_at
--   voiding                                                    there is no room: let the money go
--   captured, voided, declined, failed                         nothing

ALTER TABLE payment DROP CONSTRAINT payment_status_check;
ALTER TABLE payment
    ADD CONSTRAINT payment_status_check CHECK (status IN
        ('started', 'requires_action', 'unknown', 'authorised', 'reserved', 'voiding', 'captured', 'declined',
         'voided', 'failed')),
    ADD COLUMN purpose text NOT NULL DEFAULT 'booking' CHECK (purpose IN ('booking', 'balance', 'fee')),
    ADD COLUMN capture_at timestamptz,             -- of a reserved one: when the money is taken
    ADD COLUMN to_capture bigint CHECK (to_capture BETWEEN 0 AND amount),  -- where it is less than the amount
    ADD COLUMN captured bigint CHECK (captured >= 0),  -- what was taken, where it is not the amount
    ADD COLUMN agreement text,                     -- the words by which the guest lets us keep the card
    ADD COLUMN problem text;                       -- what staff should know or do
CREATE INDEX payment_to_capture ON payment (capture_at) WHERE status = 'reserved';
CREATE INDEX payment_to_close ON payment (updated_at) WHERE status IN ('voiding', 'requires_action');
CREATE INDEX payment_problem ON payment (updated_at) WHERE problem IS NOT NULL;
CREATE INDEX payment_made ON payment (gateway, created_at);

-- A refund that the gateway could not give stands as failed until it is sent again, as a new one.
ALTER TABLE refund DROP CONSTRAINT refund_status_check;
ALTER TABLE refund
    ADD CONSTRAINT refund_status_check CHECK (status IN ('due', 'done', 'failed')),
    ADD COLUMN gateway_reference text,
    ADD COLUMN problem text,
    ADD COLUMN again uuid REFERENCES refund;       -- the one that was sent in its place
CREATE INDEX refund_failed ON refund (created_at) WHERE status = 'failed' AND again IS NULL;

-- the ledger -------------------------------------------------------------------------------------

-- Money that came back to us after the ledger said it was given is a line of its own.
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind_check;
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_check;
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_check1;
ALTER TABLE ledger_entry
    ADD CONSTRAINT ledger_entry_kind_check CHECK (kind IN ('payment', 'refund', 'refund_reversed')),
    ADD CONSTRAINT ledger_entry_amount_check CHECK (
        CASE kind WHEN 'refund' THEN amount < 0 ELSE amount >= 0 END),
    ADD CONSTRAINT ledger_entry_refund_check CHECK ((kind = 'payment') = (refund_id IS NULL));
CREATE UNIQUE INDEX ledger_reversal_once ON ledger_entry (refund_id) WHERE kind = 'refund_reversed';

-- What the guest owes: the stay while it stands, the fee once it does not. A line is never changed; one that no
-- longer holds is reversed, and the right one written after it.
CREATE TABLE ledger_charge (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    booking_id uuid NOT NULL REFERENCES booking,
    kind       text NOT NULL CHECK (kind IN ('stay', 'fee', 'reversal')),
    amount     bigint NOT NULL,
    currency   char(3) NOT NULL,
    reverses   bigint UNIQUE REFERENCES ledger_charge,
    created_at timestamptz NOT NULL,
    CHECK (CASE kind WHEN 'reversal' THEN amount < 0 ELSE amount > 0 END),
    CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
);
CREATE INDEX ledger_charge_of_booking ON ledger_charge (booking_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_charge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A booking's account: + is owed by the guest, - was paid. The sum of the lines is the balance.
CREATE VIEW ledger AS
    SELECT booking_id, created_at, kind, amount, currency, NULL::uuid AS payment_id, NULL::uuid AS refund_id
      FROM ledger_charge
    UNION ALL
    SELECT booking_id, created_at, kind, -amount, currency, payment_id, refund_id FROM ledger_entry;

-- Brings what the guest owes up to date; the caller holds the booking's lock.
CREATE FUNCTION charge_settle(p_booking uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_owed record;
    v_line record;
BEGIN
    SELECT CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN 'stay' ELSE 'fee' END AS kind,
           CASE WHEN b.status IN ('confirmed', 'checked_in', 'checked_out') THEN b.total
                WHEN b.status IN ('cancelled', 'no_show')
                THEN (SELECT sum(fee)::bigint FROM reservation WHERE booking_id = b.id) ELSE 0 END AS amount,
           b.currency
      INTO v_owed FROM booking b WHERE b.id = p_booking;
    SELECT c.id, c.kind, c.amount INTO v_line FROM ledger_charge c
     WHERE c.booking_id = p_booking AND c.kind <> 'reversal'
       AND NOT EXISTS (SELECT FROM ledger_charge r WHERE r.reverses = c.id);
    IF FOUND THEN
        IF v_line.amount = v_owed.amount AND v_line.kind = v_owed.kind THEN
            RETURN;
        END IF;
        INSERT INTO ledger_charge (booking_id, kind, amount, currency, reverses, created_at)
            VALUES (p_booking, 'reversal', -v_line.amount, v_owed.currency, v_line.id, p_now);
    END IF;
    IF v_owed.amount > 0 THEN
        INSERT INTO ledger_charge (booking_id, kind, amount, currency, created_at)
            VALUES (p_booking, v_owed.kind, v_owed.amount, v_owed.currency, p_now);
    END IF;
END $$;

-- For bookings that are there already, and for bulk loads. Only where nothing is written yet.
CREATE FUNCTION ledger_charges_fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO ledger_charge (booking_id, kind, amount, currency, created_at)
        SELECT b.id, CASE WHEN b.status IN ('cancelled', 'no_show') THEN 'fee' ELSE 'stay' END, m.amount, b.currency,
               coalesce(CASE WHEN b.status = 'cancelled' THEN b.cancelled_at END, b.confirmed_at, b.created_at)
          FROM booking b JOIN booking_entry e ON e.booking_id = b.id,
               LATERAL (SELECT CASE WHEN b.status IN ('cancelled', 'no_show') THEN e.fee ELSE b.total END AS amount) m
         WHERE b.status NOT IN ('held', 'expired') AND m.amount > 0
         ORDER BY b.created_at;
$$;
SELECT ledger_charges_fill();

-- As in 0001, and the sale enters the ledger.
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
        INSERT INTO ledger_charge (booking_id, kind, amount, currency, created_at)
            VALUES (p_booking, 'stay', v_booking.total, v_booking.currency, p_now);
    END IF;
    RETURN true;
END $$;

-- policies that charge ---------------------------------------------------------------------------

ALTER TABLE rate_plan
    -- When reserved money is taken: on booking, or when the guest is there.
    ADD COLUMN deposit_capture text NOT NULL DEFAULT 'booking' CHECK (deposit_capture IN ('booking', 'check_in')),
    -- So many days before arrival the rest is due; NULL: at the hotel.
    ADD COLUMN balance_days smallint CHECK (balance_days BETWEEN 0 AND 730);
ALTER TABLE booking
    ADD COLUMN collect_at timestamptz,             -- when what is due next is collected; NULL: nothing is
    ADD COLUMN collect_tries smallint NOT NULL DEFAULT 0;
CREATE INDEX booking_to_collect ON booking (collect_at) WHERE collect_at IS NOT NULL;

-- A card that the gateway keeps, and the words that its guest agreed to. No number is ever here.
CREATE TABLE saved_card (
    booking_id uuid PRIMARY KEY REFERENCES booking,
    gateway    text NOT NULL,
    customer   text NOT NULL,
    method     text NOT NULL,
    brand      text NOT NULL DEFAULT '',
    last4      text NOT NULL DEFAULT '' CHECK (length(last4) <= 4),
    expires    text NOT NULL DEFAULT '',
    agreement  text NOT NULL CHECK (agreement <> ''),
    agreed_at  timestamptz NOT NULL
);
CALL audit_table('saved_card', 'saved_card', p_key => 'booking_id', p_left_out => '{customer,method}');

-- what gateways tell -----------------------------------------------------------------------------

-- Each notice once, however often it is delivered.
CREATE TABLE gateway_notice (
    gateway     text NOT NULL,
    id          text NOT NULL CHECK (length(id) <= 255),
    kind        text NOT NULL,
    reference   text,
    payment_id  uuid,
    created_at  timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (gateway, id)
);
CREATE INDEX gateway_notice_age ON gateway_notice (received_at);

CREATE TABLE dispute (
    gateway    text NOT NULL,
    reference  text NOT NULL,
    payment_id uuid NOT NULL REFERENCES payment,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   char(3) NOT NULL,
    status     text NOT NULL,
    reason     text NOT NULL,
    respond_by date,
    opened_at  timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (gateway, reference)
);
CREATE INDEX dispute_of_payment ON dispute (payment_id);
CREATE INDEX dispute_opened ON dispute (opened_at);
CALL audit_table('dispute', 'dispute', p_key => 'reference', p_left_out => '{updated_at}');

-- the daily comparison ---------------------------------------------------------------------------

CREATE TABLE reconciliation (
    id          int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    gateway     text NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    ran_at      timestamptz NOT NULL,
    payments    int NOT NULL,                      -- compared
    differences int NOT NULL
);
CREATE INDEX reconciliation_ran ON reconciliation (ran_at);
CREATE TABLE reconciliation_difference (
    reconciliation_id int NOT NULL REFERENCES reconciliation ON DELETE CASCADE,
    position          int NOT NULL,
    kind              text NOT NULL,
    payment_id        uuid,
    reference         text,
    ours              text NOT NULL,
    theirs            text NOT NULL,
    PRIMARY KEY (reconciliation_id, position)
);

-- The sandbox's own books, as a real gateway keeps them in its house. Nothing of ours reads them.
CREATE TABLE sandbox_payment (
    id         uuid PRIMARY KEY,
    status     text NOT NULL,
    amount     bigint NOT NULL,
    currency   char(3) NOT NULL,
    captured   bigint NOT NULL DEFAULT 0,
    refunded   bigint NOT NULL DEFAULT 0 CHECK (refunded <= captured),
    token      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sandbox_payment_made ON sandbox_payment (created_at);
CREATE TABLE sandbox_refund (
    id         uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES sandbox_payment,
    amount     bigint NOT NULL
);

-- the audit log ----------------------------------------------------------------------------------

-- A try is noted once it is decided, whole: that it began is nothing that anybody changed. Nor is money that is
-- reserved for the moment until it is taken: the state only says what comes next. Every entry costs each sale 2 %.
DROP TRIGGER audit_insert ON payment;
CREATE TRIGGER audit_insert AFTER INSERT ON payment FOR EACH ROW WHEN (NEW.status <> 'started')
    EXECUTE FUNCTION audit_try();
CREATE OR REPLACE FUNCTION audit_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_origin jsonb;
    v_whole  boolean := OLD.status = 'started' OR OLD.status = 'reserved' AND OLD.capture_at <= OLD.updated_at;
BEGIN
    IF NEW.status = 'reserved' AND NEW.capture_at <= NEW.updated_at THEN
        RETURN NULL;
    END IF;
    v_origin := nullif(current_setting('hotel.origin', true), '')::jsonb;
    INSERT INTO audit_entry (actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id,
                             property_id, booking_id, before, after)
    VALUES (coalesce(v_origin ->> 'kind', 'database'), coalesce(v_origin ->> 'id', ''),
            coalesce(v_origin ->> 'name', CASE WHEN v_origin IS NULL THEN session_user::text ELSE '' END),
            coalesce(v_origin ->> 'address', ''), coalesce(v_origin ->> 'request_id', ''),
            CASE WHEN v_whole THEN 'insert' ELSE 'update' END, 'payment', NEW.id::text,
            (SELECT property_id FROM booking WHERE id = NEW.booking_id), NEW.booking_id,
            CASE WHEN v_whole THEN NULL
                 ELSE jsonb_build_object('status', OLD.status, 'gateway_reference', OLD.gateway_reference,
                                         'capture_at', OLD.capture_at) END,
            CASE WHEN v_whole THEN jsonb_strip_nulls(to_jsonb(NEW) - 'updated_at'::text)
                 ELSE jsonb_build_object('status', NEW.status, 'gateway_reference', NEW.gateway_reference,
                                         'capture_at', NEW.capture_at) END);
    RETURN NULL;
END $$;
-- Puts the triggers on, with the columns there are: a migration that adds one calls this again.
CREATE OR REPLACE PROCEDURE audit_sales() LANGUAGE plpgsql AS $$
DECLARE
    v_row  record;
    v_same text;
BEGIN
    FOR v_row IN
        SELECT * FROM (VALUES
            ('booking', '{confirmed_at}'::text[], '{access_hash,hold_expires_at,collect_at,collect_tries}'::text[],
             '{requests}', 'audit_confirmation'),
            ('payment', '{gateway_reference,capture_at}', '{updated_at}', '{}', 'audit_payment')
        ) AS v(name, usual, left_out, masked, function)
    LOOP
        SELECT format('OLD.status <> NEW.status AND (%s) IS NOT DISTINCT FROM (%s)',
                      string_agg(format('OLD.%I', attname), ', ' ORDER BY attnum),
                      string_agg(format('NEW.%I', attname), ', ' ORDER BY attnum))
          INTO v_same FROM pg_attribute
         WHERE attrelid = v_row.name::regclass AND attnum > 0 AND NOT attisdropped
           AND attname <> ALL ('{status}' || v_row.usual || v_row.left_out);
        EXECUTE format('CREATE OR REPLACE TRIGGER audit_usual AFTER UPDATE ON %I FOR EACH ROW WHEN (%s)'
                       ' EXECUTE FUNCTION %I()', v_row.name, v_same, v_row.function);
        EXECUTE format('CREATE OR REPLACE TRIGGER audit_other AFTER UPDATE ON %I FOR EACH ROW WHEN (NOT (%s))'
                       ' EXECUTE FUNCTION audit_row(%L, ''id'', %L, %L)',
                       v_row.name, v_same, v_row.name, v_row.left_out, v_row.masked);
    END LOOP;
END $$;
CALL audit_sales();
