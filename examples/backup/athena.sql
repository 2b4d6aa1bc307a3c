-- The changes of the backup, for Athena. Run it once in the database of template.yaml.
CREATE OR REPLACE VIEW changes AS
SELECT
    json_extract_scalar(line, '$.detail.id') AS change,
    CAST(from_iso8601_timestamp(json_extract_scalar(line, '$.detail.at')) AT TIME ZONE 'UTC' AS timestamp) AS changed_at,
    json_extract_scalar(line, '$.detail.operation') AS operation,
    json_extract_scalar(line, '$.detail.keys.id') AS participant,
    json_extract_scalar(line, '$.detail.keys.metadata') AS metadata,
    coalesce(
        json_extract_scalar(line, '$.detail.new.hackathonName'),
        json_extract_scalar(line, '$.detail.old.hackathonName'),
        json_extract_scalar(line, '$.detail.keys.metadata')
    ) AS board,
    coalesce(json_extract_scalar(line, '$.detail.new.userName'), json_extract_scalar(line, '$.detail.old.userName')) AS name,
    -- All digits, also of numbers that JSON cannot hold.
    coalesce(
        json_extract_scalar(line, '$.detail.types["/new/projectScore"].N'),
        json_extract_scalar(line, '$.detail.new.projectScore')
    ) AS score_digits,
    TRY_CAST(json_extract_scalar(line, '$.detail.new.projectScore') AS double) AS score,
    -- Of two changes of one item, the later one has the greater text.
    concat(json_extract_scalar(line, '$.resources[0]'), '/', json_extract_scalar(line, '$.detail.sequence')) AS position,
    hour
FROM lines
