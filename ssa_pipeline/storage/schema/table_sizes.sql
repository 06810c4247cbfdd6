-- name: table_sizes
SELECT
    n.nspname || '.' || root.relname,
    sum(greatest(part.reltuples, 0))::bigint,
    sum(pg_table_size(part.oid))::bigint,
    sum(pg_indexes_size(part.oid))::bigint
FROM pg_class part
LEFT JOIN pg_inherits i ON i.inhrelid = part.oid
JOIN pg_class root ON root.oid = coalesce(i.inhparent, part.oid)
JOIN pg_namespace n ON n.oid = root.relnamespace
WHERE part.relkind IN ('r', 'p') AND n.nspname = ANY(%(schemas)s)
GROUP BY n.nspname, root.relname
ORDER BY sum(pg_total_relation_size(part.oid)) DESC, 1;
