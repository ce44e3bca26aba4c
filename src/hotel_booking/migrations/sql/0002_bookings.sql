-- What staff see of bookings: notes, the guest's language. Phase: expand.

ALTER TABLE booking ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (length(language) BETWEEN 2 AND 20);

-- What staff write down about a booking. The newest stands first.
CREATE TABLE booking_note (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    booking_id uuid NOT NULL REFERENCES booking,
    staff_id   int NOT NULL REFERENCES staff,
    text       text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    created_at timestamptz NOT NULL
);
CREATE INDEX booking_note_of_booking ON booking_note (booking_id, created_at);
