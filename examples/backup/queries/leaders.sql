-- Who led the board StarWar at a time: its first ten by the score that they had then.
WITH latest AS (
    SELECT
        participant, name, board, score,
        row_number() OVER (PARTITION BY participant, metadata ORDER BY position DESC, changed_at DESC) AS age
    FROM changes
    WHERE changed_at <= TIMESTAMP '2020-04-15 08:26:17'
)
SELECT rank() OVER (ORDER BY score DESC) AS place, participant, name, score
FROM latest
WHERE age = 1 AND board = 'StarWar' AND score IS NOT NULL
ORDER BY place, participant
LIMIT 10
