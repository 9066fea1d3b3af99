"""Any number of pages into Parquet: read by many processes, resumed after any kill. Needs the extra `scale`.

Modules in the order in which a page meets them: `sources` names the files, `done` knows which of them the shards have,
`workers` hands them to processes in which `reader` reads them, `rows` is what becomes of a page, `shards` keeps it, by
way of the `journal`, `report` counts; `run` is all of it. Only `workers` knows Ray.
"""
