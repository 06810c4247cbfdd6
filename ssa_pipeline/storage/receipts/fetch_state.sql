-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 7263180112));

-- name: attempt
SELECT attempted_at, outcome, detail, content_received_at, etag, last_modified
FROM raw.fetch_state
WHERE query_key = %(query_key)s;

-- name: attempts
SELECT query_key, attempted_at, outcome, detail, content_received_at, etag, last_modified
FROM raw.fetch_state
WHERE query_key = ANY(%(query_keys)s);

-- name: not_ahead
UPDATE raw.fetch_state SET attempted_at = %(now)s WHERE query_key = %(query_key)s AND attempted_at > %(now)s;

-- name: begin
INSERT INTO raw.fetch_state (query_key, source, attempted_at, outcome, detail)
VALUES (%(query_key)s, %(source)s, %(now)s, 'started', '')
ON CONFLICT (query_key) DO UPDATE
SET source = excluded.source, attempted_at = excluded.attempted_at, outcome = excluded.outcome, detail = '';

-- name: finish
UPDATE raw.fetch_state SET outcome = %(outcome)s, detail = %(detail)s WHERE query_key = %(query_key)s;

-- name: keep_validators
UPDATE raw.fetch_state
SET content_received_at = %(received_at)s, etag = %(etag)s, last_modified = %(last_modified)s
WHERE query_key = %(query_key)s;

-- name: requests
SELECT requested_at FROM raw.fetch_account WHERE account = %(account)s;

-- name: keep_requests
INSERT INTO raw.fetch_account (account, requested_at)
VALUES (%(account)s, %(requested_at)s)
ON CONFLICT (account) DO UPDATE SET requested_at = excluded.requested_at;
