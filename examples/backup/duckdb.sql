-- The changes of a copy of the backup, for DuckDB, with the columns that athena.sql has. Run it where the folder `changes` is.
CREATE OR REPLACE VIEW changes AS
SELECT
    json ->> '$.detail.id' AS change,
    CAST(json ->> '$.detail.at' AS timestamp) AS changed_at,
    json ->> '$.detail.operation' AS operation,
    json ->> '$.detail.keys.id' AS participant,
    json ->> '$.detail.keys.metadata' AS metadata,
    coalesce(
        json ->> '$.detail.new.hackathonName', json ->> '$.detail.old.hackathonName', json ->> '$.detail.keys.metadata'
    ) AS board,
    coalesce(json ->> '$.detail.new.userName', json ->> '$.detail.old.userName') AS name,
    -- All digits, also of numbers that JSON cannot hold.
    coalesce(json ->> '$.detail.types."/new/projectScore".N', json ->> '$.detail.new.projectScore') AS score_digits,
    TRY_CAST(json ->> '$.detail.new.projectScore' AS double) AS score,
    -- Of two changes of one item, the later one has the greater text.
    concat(json ->> '$.resources[0]', '/', json ->> '$.detail.sequence') AS position,
    regexp_extract(filename, 'changes/(\d{4}/\d{2}/\d{2}/\d{2})/', 1) AS hour
FROM read_json_objects('changes/**/*.gz', format = 'newline_delimited', filename = true)
