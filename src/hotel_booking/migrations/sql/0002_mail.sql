-- The outbox: messages are rows of the transaction that they tell of. Phase: expand.

CREATE TABLE mail_message (
    id          uuid PRIMARY KEY,
    event_key   text NOT NULL UNIQUE,               -- what is told of: never twice for the same event
    template    text NOT NULL,
    language    text NOT NULL,
    recipient   text NOT NULL CHECK (length(recipient) BETWEEN 3 AND 254),
    subject     text,                               -- as it was sent; NULL before the first try
    data        jsonb NOT NULL,                     -- what the template tells
    booking_id  uuid REFERENCES booking,
    property_id int REFERENCES property,
    staff_id    int REFERENCES staff,
    status      text NOT NULL DEFAULT 'waiting'
                CHECK (status IN ('waiting', 'sending', 'sent', 'failed', 'uncertain')),
    attempts    int NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    touched_at  timestamptz NOT NULL,               -- of the last change of status
    last_error  text
);
CREATE INDEX mail_of_booking ON mail_message (booking_id, created_at) WHERE booking_id IS NOT NULL;
CREATE INDEX mail_newest ON mail_message (created_at DESC, id DESC);
CREATE INDEX mail_of_property ON mail_message (property_id, created_at DESC, id DESC);
CREATE INDEX mail_of_recipient ON mail_message (lower(recipient), created_at DESC);
CREATE INDEX mail_unfinished ON mail_message (status, touched_at) WHERE status IN ('waiting', 'sending');
CREATE INDEX mail_trouble ON mail_message (created_at DESC, id DESC) WHERE status IN ('failed', 'uncertain');

CREATE TABLE mail_attempt (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    message_id uuid NOT NULL REFERENCES mail_message ON DELETE CASCADE,
    at         timestamptz NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('sent', 'again', 'failed', 'uncertain')),
    reply      text NOT NULL DEFAULT ''             -- what the mail server said
);
CREATE INDEX mail_attempt_of_message ON mail_attempt (message_id, at);

-- Puts a message into the outbox and its delivery into the queue: one round trip, in the caller's transaction. The
-- message of the event p_withdraw, where it has not gone out, never will.
CREATE FUNCTION mail_queue(
    p_id uuid, p_event text, p_template text, p_language text, p_recipient text, p_data jsonb, p_booking uuid,
    p_property int, p_staff int, p_now timestamptz, p_at timestamptz, p_withdraw text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF p_withdraw IS NOT NULL THEN
        DELETE FROM mail_message WHERE event_key = p_withdraw AND status = 'waiting';
    END IF;
    INSERT INTO mail_message (id, event_key, template, language, recipient, data, booking_id, property_id, staff_id,
                              created_at, touched_at)
        VALUES (p_id, p_event, p_template, p_language, p_recipient, p_data, p_booking, p_property, p_staff,
                p_now, p_now)
        ON CONFLICT (event_key) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM enqueue('mail', 'notifications:deliver', jsonb_build_object('message_id', p_id), p_at);
    RETURN true;
END $$;
