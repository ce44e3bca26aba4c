-- The statements of history.py, each below its name. Random numbers come from one seed.

-- @ tables
CREATE TEMP TABLE history_name (kind text, position int, name text) ON COMMIT DROP;

CREATE TEMP TABLE history_price (
    period int, kind int, nights int, variant int, plan_id int, advance int, adults smallint,
    children smallint[], terms_id uuid, price bigint, net bigint, tax bigint, total bigint, due bigint,
    cancel_fee bigint, no_show_fee bigint
) ON COMMIT DROP;

CREATE TEMP TABLE history_stay (
    number bigint GENERATED ALWAYS AS IDENTITY, booking uuid, guest uuid, reservation uuid, payment uuid,
    room_id int, kind int, arrival date, nights int, period int, variant int, status text,
    given int, family int, mail int, created_at timestamptz, ended_at timestamptz
) ON COMMIT DROP;

-- As bookings.reference.encode, for the digits of base 32 from the left; a product with an odd number gives no
-- number below 2**45 twice. Plain expressions, so that PostgreSQL writes them into the statements.
CREATE FUNCTION pg_temp.digit(n bigint, place int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT ((((n * 680990349693) & 35184372088831) >> (40 - 5 * place)) & 31)::int
$$;
CREATE FUNCTION pg_temp.letter(digit int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + digit, 1)
$$;
CREATE FUNCTION pg_temp.twice(digit int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT 2 * digit / 32 + 2 * digit % 32
$$;
CREATE FUNCTION pg_temp.reference(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_temp.letter(pg_temp.digit(n, 0)) || pg_temp.letter(pg_temp.digit(n, 1))
        || pg_temp.letter(pg_temp.digit(n, 2)) || pg_temp.letter(pg_temp.digit(n, 3))
        || pg_temp.letter(pg_temp.digit(n, 4)) || '-' || pg_temp.letter(pg_temp.digit(n, 5))
        || pg_temp.letter(pg_temp.digit(n, 6)) || pg_temp.letter(pg_temp.digit(n, 7))
        || pg_temp.letter(pg_temp.digit(n, 8)) || pg_temp.letter((352 - pg_temp.twice(pg_temp.digit(n, 0))
        - pg_temp.digit(n, 1) - pg_temp.twice(pg_temp.digit(n, 2)) - pg_temp.digit(n, 3)
        - pg_temp.twice(pg_temp.digit(n, 4)) - pg_temp.digit(n, 5) - pg_temp.twice(pg_temp.digit(n, 6))
        - pg_temp.digit(n, 7) - pg_temp.twice(pg_temp.digit(n, 8))) % 32)
$$;

-- @ stays
-- $1 property, $2 first night, $3 end, $4 lengths, $5 gaps, $6 stays a room, $7 days that no stay crosses,
-- $8 first days of periods, $9 variants, $10 given names, $11 family names, $12 share kept
INSERT INTO pg_temp.history_stay (booking, guest, reservation, payment, room_id, kind, arrival, nights, period,
                                  variant, status, given, family, mail, created_at, ended_at)
WITH slot AS MATERIALIZED (
    SELECT r.id AS room_id, r.room_type_id AS kind, k, floor(random() * $5::int)::int AS gap,
           ($4::int[])[1 + floor(random() * cardinality($4::int[]))::int] AS nights,
           floor(random() * $9::int)::int AS variant
      FROM room r, generate_series(1, $6::int) AS k
     WHERE r.property_id = $1
), placed AS (
    SELECT room_id, kind, nights, variant,
           $2::date + (sum(gap + nights) OVER (PARTITION BY room_id ORDER BY k))::int - nights AS arrival
      FROM slot
), chosen AS MATERIALIZED (
    SELECT *, width_bucket(arrival, $8::date[]) AS period
      FROM placed
     WHERE arrival + nights <= $3::date AND random() < $12::float8
       AND NOT EXISTS (SELECT FROM unnest($7::date[]) AS b(day) WHERE arrival < b.day AND b.day < arrival + nights)
)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), room_id, kind, arrival, nights,
       period, variant, CASE WHEN random() < 0.03 THEN 'no_show' ELSE 'checked_out' END,
       floor(random() * $10::int)::int, floor(random() * random() * $11::int)::int,
       1000 + floor(random() * 9000)::int,
       arrival::timestamptz + interval '16 hours' * random() - interval '1 day'
           * (1 + p.advance + floor(-25 * ln(1 - random()))),
       (arrival + nights)::timestamptz + interval '6 hours' + interval '5 hours' * random()
  FROM chosen JOIN pg_temp.history_price p USING (period, kind, nights, variant);

-- @ cancelled
-- $1 how many for each stay, $2 days before the arrival, $3 given names. Who cancelled wanted what others got.
INSERT INTO pg_temp.history_stay (booking, guest, reservation, payment, kind, arrival, nights, period, variant,
                                  status, given, family, mail, created_at, ended_at)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), kind, arrival, nights, period,
       variant, 'cancelled', (given * 7 + 3) % $3::int, family, 11000 - mail,
       created_at - $2::int * interval '1 day',
       created_at - $2::int * interval '1 day'
           + (arrival::timestamptz - created_at) * random()
  FROM pg_temp.history_stay WHERE random() < $1::float8;

-- @ guest
INSERT INTO guest (id, given_name, family_name, email, country, created_at)
SELECT s.guest, g.name, f.name, lower(g.name || '.' || f.name || '.' || s.mail || '@example.com'), c.name,
       s.created_at
  FROM pg_temp.history_stay s
  JOIN pg_temp.history_name g ON g.kind = 'given' AND g.position = s.given
  JOIN pg_temp.history_name f ON f.kind = 'family' AND f.position = s.family
  JOIN pg_temp.history_name c ON c.kind = 'country' AND c.position = (s.mail + s.family) % $1::int;

-- @ booking
-- $1 property, $2 currency, $3 requests. The access tokens of the past are nobody's.
INSERT INTO booking (id, reference, property_id, guest_id, status, currency, total, due_now, requests, access_hash,
                     source, created_at, hold_expires_at, confirmed_at, cancelled_at)
SELECT s.booking, pg_temp.reference(s.number), $1, s.guest, s.status, $2, p.total, p.due,
       CASE WHEN s.mail % 6 = 0 THEN q.name END, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
       (ARRAY['web', 'web', 'web', 'web', 'web', 'phone', 'phone', 'partner'])[1 + s.mail % 8], s.created_at,
       s.created_at + interval '15 minutes', s.created_at + interval '10 minutes' * random(),
       CASE WHEN s.status = 'cancelled' THEN s.ended_at END
  FROM pg_temp.history_stay s
  JOIN pg_temp.history_price p USING (period, kind, nights, variant)
  LEFT JOIN pg_temp.history_name q ON q.kind = 'request' AND q.position = s.mail / 6 % $3::int;

-- @ reservation
INSERT INTO reservation (id, booking_id, position, room_type_id, rate_plan_id, arrival, departure, taken, status,
                         adults, children, terms_id, night_prices, net, tax, total, fee, checked_in_at,
                         checked_out_at)
SELECT s.reservation, s.booking, 1, s.kind, p.plan_id, s.arrival, s.arrival + s.nights,
       CASE s.status WHEN 'checked_out' THEN daterange(s.arrival, s.arrival + s.nights)
                     WHEN 'no_show' THEN daterange(s.arrival, s.arrival + 1) END,
       s.status, p.adults, p.children, p.terms_id,
       (SELECT jsonb_agg(jsonb_build_object('night', s.arrival + i, 'price', p.price, 'extra_adult', NULL,
                                            'child_amounts', NULL))
          FROM generate_series(0, s.nights - 1) AS i),
       p.net, p.tax, p.total,
       CASE s.status WHEN 'cancelled' THEN p.cancel_fee WHEN 'no_show' THEN p.no_show_fee ELSE 0 END,
       CASE WHEN s.status = 'checked_out' THEN s.arrival::timestamptz + interval '13 hours' + interval '9 hours' * random() END,
       CASE WHEN s.status = 'checked_out' THEN s.ended_at END
  FROM pg_temp.history_stay s JOIN pg_temp.history_price p USING (period, kind, nights, variant);

-- @ payment
-- $1 currency. Who came paid all of it, when leaving at the latest; who did not come, the fee.
INSERT INTO payment (id, booking_id, amount, currency, gateway, status, gateway_reference, created_at, updated_at)
SELECT s.payment, s.booking, m.amount, $1, 'sandbox', 'captured', 'sandbox_' || replace(s.payment::text, '-', ''),
       m.at, m.at
  FROM pg_temp.history_stay s
  JOIN pg_temp.history_price p USING (period, kind, nights, variant),
       LATERAL (SELECT CASE s.status WHEN 'checked_out' THEN p.total WHEN 'no_show' THEN p.no_show_fee
                                     ELSE p.due END AS amount,
                       CASE WHEN s.status = 'cancelled' OR p.due = p.total
                            THEN s.created_at + interval '10 minutes' ELSE s.ended_at END AS at) AS m;

-- @ refund
INSERT INTO refund (id, payment_id, amount, reason, status, created_at, done_at)
SELECT gen_random_uuid(), s.payment, p.due - p.cancel_fee, 'cancelled', 'done', s.ended_at, s.ended_at
  FROM pg_temp.history_stay s JOIN pg_temp.history_price p USING (period, kind, nights, variant)
 WHERE s.status = 'cancelled' AND p.due > p.cancel_fee;

-- @ ledger
-- $1 currency
INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, refund_id, created_at)
SELECT m.booking_id, 'payment', m.amount, $1, m.id, NULL, m.created_at
  FROM pg_temp.history_stay s JOIN payment m ON m.id = s.payment WHERE m.amount > 0
UNION ALL
SELECT s.booking, 'refund', -r.amount, $1, r.payment_id, r.id, r.done_at
  FROM pg_temp.history_stay s JOIN refund r ON r.payment_id = s.payment WHERE s.status = 'cancelled';

-- @ room_use
INSERT INTO room_use (room_id, stay, reservation_id)
SELECT room_id, daterange(arrival, arrival + nights), reservation
  FROM pg_temp.history_stay WHERE status = 'checked_out';

-- @ entry
-- $1 property
INSERT INTO booking_entry (booking_id, property_id, status, arrival, departure, created_at, total, fee, paid)
SELECT s.booking, $1, s.status, s.arrival, s.arrival + s.nights, s.created_at, p.total, m.fee,
       CASE s.status WHEN 'checked_out' THEN p.total WHEN 'no_show' THEN m.fee ELSE least(p.due, m.fee) END
  FROM pg_temp.history_stay s
  JOIN pg_temp.history_price p USING (period, kind, nights, variant),
       LATERAL (SELECT CASE s.status WHEN 'cancelled' THEN p.cancel_fee WHEN 'no_show' THEN p.no_show_fee
                                     ELSE 0 END AS fee) AS m;

-- @ words
INSERT INTO booking_words (booking_id, words)
SELECT s.booking,
       words_of(g.name || ' ' || f.name, lower(g.name || '.' || f.name || '.' || s.mail || '@example.com'),
                pg_temp.reference(s.number))
  FROM pg_temp.history_stay s
  JOIN pg_temp.history_name g ON g.kind = 'given' AND g.position = s.given
  JOIN pg_temp.history_name f ON f.kind = 'family' AND f.position = s.family;

-- @ room_night
-- $1 property, $2 first night, $3 end. The last of these nights are on sale already.
INSERT INTO room_night (room_type_id, night, physical, taken)
SELECT t.kind, n.night::date, t.rooms, coalesce(u.taken, 0)
  FROM (SELECT room_type_id AS kind, count(*) AS rooms FROM room WHERE property_id = $1 GROUP BY 1) AS t
 CROSS JOIN generate_series($2::date, $3::date - 1, interval '1 day') AS n(night)
  LEFT JOIN (SELECT s.kind, s.arrival + i AS night, count(*) AS taken
               FROM pg_temp.history_stay s,
                    generate_series(0, CASE WHEN s.status = 'no_show' THEN 0 ELSE s.nights - 1 END) AS i
              WHERE s.status <> 'cancelled' GROUP BY 1, 2) AS u ON u.kind = t.kind AND u.night = n.night::date
    ON CONFLICT (room_type_id, night) DO UPDATE SET taken = room_night.taken + excluded.taken;
