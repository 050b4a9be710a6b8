"""The life cycle of Flink jobs: deploy, redeploy, save, stop, recover, status, list.

`environments` reads the file that describes clusters and jobs, `rest` asks a cluster, `submission` runs ``flink run``,
`deployments` keeps the submitted files, `snapshots` finds checkpoints and savepoints, and `life_cycle` joins them.
"""
