"""The local twin: the whole system on this machine, without an AWS account and without Docker.

`instance` says where a twin lives, `engine` is its process and `gaps` what that process does better than plain
MiniStack; `process`, `stack` and `sample` start it, deploy to it and fill it; `lifecycle` puts these in order.
"""
