-- What processes write to see whether a replica follows. Phase: expand (a new table).

-- A process's last beat; those of processes that are gone are forgotten by the next one that begins.
CREATE TABLE replica_beat (
    process uuid PRIMARY KEY,
    beat    bigint NOT NULL,
    at      timestamptz NOT NULL
);
