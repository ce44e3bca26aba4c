-- Which trace led to a job. Phase: expand (the release before names none, and nothing is kept of its jobs).
--
-- Whoever enqueues names it in the setting hotel.origin, as the audit log's triggers are told who acts: jobs are made in
-- many functions, and none has to pass it on. Without traces the condition alone is looked at.
CREATE TABLE job_trace (
    job_id      bigint PRIMARY KEY REFERENCES procrastinate_jobs (id) ON DELETE CASCADE,
    traceparent text NOT NULL
);

CREATE FUNCTION job_traced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_traceparent text := current_setting('hotel.origin', true)::jsonb ->> 'traceparent';
BEGIN
    IF v_traceparent IS NOT NULL THEN
        INSERT INTO job_trace (job_id, traceparent) VALUES (NEW.id, v_traceparent);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER job_traced AFTER INSERT ON procrastinate_jobs FOR EACH ROW
    WHEN (current_setting('hotel.origin', true) LIKE '%traceparent%') EXECUTE FUNCTION job_traced();
