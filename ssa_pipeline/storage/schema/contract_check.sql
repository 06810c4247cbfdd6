What a database really has, for the comparison with tables.py and views.py. Partitions (run-time children) are left out.

-- name: relations
SELECT n.nspname, c.relname, c.relkind::text, obj_description(c.oid, 'pg_class'), pg_get_partkeydef(c.oid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition;

-- name: columns
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage::text,
    col_description(c.oid, a.attnum)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, a.attnum;

-- name: primary_keys
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY k.position)
FROM pg_constraint p
JOIN pg_class c ON c.oid = p.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(p.conkey) WITH ORDINALITY AS k (attnum, position)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE p.contype = 'p' AND n.nspname = ANY(%(schemas)s) AND NOT c.relispartition
GROUP BY n.nspname, c.relname;

-- name: reader_rights
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm')
    AND has_schema_privilege(%(reader)s, n.oid, 'USAGE')
    AND (has_table_privilege(%(reader)s, c.oid, 'SELECT')
        OR has_table_privilege(%(reader)s, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'));

-- name: reader_writes
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm')
    AND has_table_privilege(%(reader)s, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE');
