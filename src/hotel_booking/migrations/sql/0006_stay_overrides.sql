-- What staff did at the desk although it is refused by itself, and why. Phase: expand.

CREATE TABLE stay_override (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    booking_id uuid NOT NULL REFERENCES booking,
    refusal    text NOT NULL CHECK (refusal IN ('room_needed', 'room_occupied', 'balance_open')),
    detail     text NOT NULL,                   -- what was refused, in words
    reason     text NOT NULL CHECK (length(reason) BETWEEN 5 AND 1000),
    made_at    timestamptz NOT NULL
);
CREATE INDEX stay_override_of_booking ON stay_override (booking_id);
-- Who made it stands in the audit log; a reason is free text and may name a guest, who can ask to be forgotten.
CALL audit_table('stay_override', 'stay_override', p_masked => '{detail,reason}');
