"""A large text is encoded by many at once, and its tokens come back in order.

    text → parts → blocks ─┬→ worker ─┬→ tokens, in order
                           └→ worker ─┘

In reading order: `in_order` (blocks out, tokens back), `processes` (workers of this
machine) with `process` (what one of them does), `ray_tasks` (workers of a cluster), and
`encoder`, which chooses.
"""
