// What a partner writes against the generated types: it must compile as strictly as TypeScript can be.
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/schema";

type Booking = components["schemas"]["BookingAnswer"];
type Weekday = NonNullable<components["schemas"]["AriUpdate"]["weekdays"]>[number];

const client = createClient<paths>({ baseUrl: "http://localhost:8000" });

export async function book(slug: string, arrival: string, departure: string): Promise<Booking> {
  const found = await client.GET("/api/v1/properties/{slug}/offers", {
    params: { path: { slug }, query: { arrival, departure, adults: 2 } },
  });
  const offer = found.data?.offers[0];
  if (offer === undefined) throw new Error(found.error?.code ?? "nothing is sold");
  const quote = await client.POST("/api/v1/quotes", {
    params: {},
    body: {
      property: slug,
      arrival,
      departure,
      rooms: [{ room_type: offer.room_type, rate_plan: offer.rate_plan, adults: 2, children: [] }],
    },
  });
  if (quote.error !== undefined) throw new Error(quote.error.code);
  const held = await client.POST("/api/v1/bookings", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: {
      quote: quote.data.id,
      guest: { given_name: "Ana", family_name: "Silva", email: "ana@example.com" },
    },
  });
  if (held.error !== undefined) throw new Error(held.error.code);
  const paid = await client.POST("/api/v1/bookings/{reference}/payments", {
    params: {
      path: { reference: held.data.reference },
      header: { "Idempotency-Key": crypto.randomUUID() },
    },
    headers: { Authorization: `Bearer ${held.data.access_token}` },
    body: { token: "tok_success" },
  });
  if (paid.error !== undefined) throw new Error(`${paid.error.code}: ${paid.error.detail}`);
  return paid.data.booking;
}

export async function setPrices(slug: string, from: string, to: string, price: number): Promise<number> {
  const weekend: Weekday[] = ["fri", "sat"];
  const answer = await client.PUT("/api/v1/properties/{slug}/ari", {
    params: { path: { slug } },
    body: { updates: [{ room_type: "DELUXE", rate_plan: "FLEX", from, to, price, weekdays: weekend }] },
  });
  if (answer.error !== undefined) throw new Error(answer.error.code);
  return answer.data.rate_nights;
}
