"""The staff's panel under /admin: server-rendered pages. Parse, call, render. Its routes are in `routes.py`:
a command that mails an invitation loads no pages."""
