"""What watches over the platform in its cluster and may act on it: it goes back to the release before when
alerts say so (`rollback`, by `receiver`), and tells the application that the gateway is closed (`gateway`).
"""
