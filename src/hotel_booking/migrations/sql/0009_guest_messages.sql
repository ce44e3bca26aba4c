-- Which messages of guests nobody has answered yet. Phase: expand (a new table; messages that the release before takes
-- meanwhile are mailed to the hotel as ever, and have no line here).

CREATE TABLE guest_message (
    note_id     bigint PRIMARY KEY REFERENCES booking_note ON DELETE CASCADE,
    booking_id  uuid NOT NULL,
    property_id int NOT NULL,                    -- its booking's, for the index
    created_at  timestamptz NOT NULL,
    answered_at timestamptz
);
CREATE INDEX guest_message_waiting ON guest_message (property_id, created_at) WHERE answered_at IS NULL;
CREATE INDEX guest_message_of_booking ON guest_message (booking_id);
CALL audit_table('guest_message', 'guest_message', 'UPDATE OF answered_at', p_key => 'note_id');
