"""Operations that must run while the application or its database is down."""
