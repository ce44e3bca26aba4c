"""Blue-green: two copies of the web Deployment, of which the Service `hotel-booking-active` leads to one.

`deployment/hotel-booking` stays what Git says. What serves is named by the Service's selector `workload`:
`hotel-booking` itself, or a colour, `hotel-booking-blue` or `hotel-booking-green`, which only these commands
make. Decision 0073 says why.
"""
