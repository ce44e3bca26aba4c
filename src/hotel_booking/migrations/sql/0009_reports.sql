-- What moved in guests' accounts is found by its time. Phase: expand (two indexes).
--
-- Lines are added as time goes on, so a few bytes of BRIN stand for 256 KB of the table, and an insert costs no more than
-- before. A report of a month reads the lines of that month, however long the hotels have been open; by their bookings
-- it read every line that there ever was.

-- To make one reads the table once, three million lines a second, and payments wait for that: less than they wait for
-- anything. Concurrently it could not be made in a transaction with the rest.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_entry_by_time ON ledger_entry USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
-- As the first.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_charge_by_time ON ledger_charge USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
