"""How somebody proves who they are: sessions, lock-out, passwords, passkeys, mailed links. One mechanism for
all kinds of accounts; whose accounts they are is told by the domains above."""
