-- Changes an hour on each board, and how many participants made them.
SELECT
    date_trunc('hour', changed_at) AS hour_of_change,
    board,
    count(DISTINCT change) AS changes,
    count(DISTINCT participant) AS participants
FROM changes
WHERE operation <> 'READ'
GROUP BY date_trunc('hour', changed_at), board
ORDER BY hour_of_change, board
