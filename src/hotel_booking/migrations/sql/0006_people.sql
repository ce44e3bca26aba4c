-- Messages are found by their recipient as addresses are compared (`email_key` of core/email_address.py), in small
-- letters of every script. Phase: expand; mail_of_recipient stays for the release before.

CREATE INDEX mail_recipient_key ON mail_message (small(recipient), created_at DESC);
