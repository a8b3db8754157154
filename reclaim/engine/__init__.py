"""The machine as Python sees it: the native core's binding, policies attached, tasks run, results.

`Machine` is the door; `machine_config` says how a machine is described.
"""
