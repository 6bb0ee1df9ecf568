COPY (
    SELECT position, sequence, event_type, event_version, recorded_at, claimed_at, actor, command_id, leaf, payload,
           sealed
    FROM events
    WHERE position > {after} AND position <= {last}
    ORDER BY position
) TO STDOUT (FORMAT binary)
