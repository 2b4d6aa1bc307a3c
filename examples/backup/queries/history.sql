-- The history of participant 6: every change, and what each one gained or lost.
WITH once AS (
    SELECT DISTINCT change, changed_at, operation, board, metadata, position, score, score_digits
    FROM changes
    WHERE participant = '6'
)
SELECT
    changed_at, operation, board, score_digits,
    score - lag(score) OVER (PARTITION BY metadata ORDER BY position, changed_at) AS gained
FROM once
ORDER BY position, changed_at
