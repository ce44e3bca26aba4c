"""Access to production for some hours: asked for, approved, given, listed, and taken back by itself.

`terms` says what may be asked for, `approval` who agreed; `database`, `bindings` and `aws` are the three
places where access stands; `granting` is the acts, and `reaping` the one of every minute.
"""
