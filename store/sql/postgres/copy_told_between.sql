COPY (
    SELECT position, event_type, event_version, recorded_at, claimed_at, payload, sealed IS NOT NULL
    FROM events
    WHERE position > {after} AND position <= {last}
    ORDER BY position
) TO STDOUT (FORMAT binary)
