-- What is free: the only place that says so. Phase: expand (the release before counts for itself).

-- The nights of all room types from p_from to p_until, both inclusive, with the rooms that can be sold at p_now.
-- A hold that has expired counts as free the moment it has, even where no worker runs: `sold` is without it, and
-- `free` may be negative where more was sold than there is now. Bookings', which alone know the holds: domains
-- below are handed the nights (domains/bookings/availability.py).
--
-- Written into the statements that use it, with the room types that they ask for. OFFSET 0 keeps the look-up of
-- reservations a look-up for each expired hold, few, by index: without it a plan that knows no p_now believes that
-- a third of all holds have expired, and reads every reservation there is.
CREATE FUNCTION free_rooms(p_from date, p_until date, p_now timestamptz)
    RETURNS TABLE (room_type_id int, night date, physical smallint, blocked smallint, overbooking_limit smallint,
                   sold int, free int, closed boolean, min_stay_arrival smallint, min_stay_through smallint,
                   max_stay smallint, closed_to_arrival boolean, closed_to_departure boolean)
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT n.room_type_id, n.night, n.physical, n.blocked, n.overbooking_limit,
           n.taken - coalesce(e.rooms, 0)::int,
           n.capacity + n.overbooking_limit - n.taken + coalesce(e.rooms, 0)::int,
           n.closed, n.min_stay_arrival, n.min_stay_through, n.max_stay, n.closed_to_arrival, n.closed_to_departure
      FROM room_night n
      LEFT JOIN (SELECT r.room_type_id, lower(r.taken) + i.day AS night, count(*) AS rooms
                   FROM booking b
                  CROSS JOIN LATERAL (SELECT v.room_type_id, v.taken FROM reservation v
                                       WHERE v.booking_id = b.id AND v.taken && daterange(p_from, p_until, '[]')
                                      OFFSET 0) AS r
                  CROSS JOIN generate_series(0, upper(r.taken) - lower(r.taken) - 1) AS i(day)
                  WHERE b.status = 'held' AND b.hold_expires_at <= p_now
                  GROUP BY 1, 2) AS e ON e.room_type_id = n.room_type_id AND e.night = n.night
     WHERE n.night BETWEEN p_from AND p_until
$$;
