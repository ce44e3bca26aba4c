-- What the sandbox's books say beside the money, as a real gateway's do: of which booking, and whose card. Phase:
-- expand (columns with a default).

ALTER TABLE sandbox_payment
    ADD COLUMN booking text NOT NULL DEFAULT '',
    ADD COLUMN guest   text NOT NULL DEFAULT '';
