"""The local twin: the whole system on this machine, without an AWS account and without Docker.

`instance` says where a twin is, `engine` is its process, and `patches` corrects MiniStack where it differs from AWS.
`process` starts and stops the engine, `deployment` deploys to it, `sample` writes data, and `lifecycle` calls these.
"""
