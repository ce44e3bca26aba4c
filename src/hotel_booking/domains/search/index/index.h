/* What the compiled code reads of the index, and what its files tell each other. Names are layout.py's.
 *
 * All fields have eight bytes, so that the structures of library.py, schemes.py and terms.py have the same layout. */

#include <stdint.h>

enum { DONE = 0, NOT_KNOWN = 1, TOO_MANY = 2 };
enum { EMPTY, LIVE }; /* in `state` */
enum { NO_ADJUSTMENT, PERCENT, AMOUNT, AMOUNT_PER_PERSON };
/* What a line of a price is for, as in pricing.py. */
enum { THE_NIGHT, EXTRA_ADULT, ADJUSTMENT, CHILDREN };
enum { BANDS = 4, MOST_NIGHTS = 64, MOST_TAXES = 8, MOST_KINDS = 9, MOST_RATES = 2048, LINES = 2 + BANDS };
static const int64_t BEHIND = (int64_t)1 << 62; /* keys of what cannot be compared begin here */
static const int64_t MILLION = 1000000;

typedef int64_t i64;

typedef struct {
    i64 rows, properties, types, rates, pairs, heap_size; /* sizes of the arrays */
    const int16_t *free;
    const uint16_t *type_rule;
    const int32_t *price;
    const uint16_t *rate_rule;
    const int32_t *lowest;
    const int32_t *first_type, *type_count, *first_rate, *rate_count, *first_pair, *pair_count;
    const uint16_t *taxes, *currency, *bands;
    const int16_t *base_occupancy, *max_occupancy, *max_adults, *max_children;
    const i64 *extra_adult, *child_amounts;
    const int32_t *rate_type;
    const uint8_t *own_extras, *always;
    const int32_t *pair_type, *pair_rate, *pair_own;
    const uint8_t *adjust_kind;
    const i64 *adjust_value;
    const int16_t *min_advance, *max_advance, *min_stay, *max_stay, *meal;
    const uint8_t *state;
    const int32_t *id, *region, *version;
    const double *cell, *lat, *lon, *x, *y, *z;
    const int8_t *stars;
    const uint16_t *country, *clock, *pair_plan;
    const uint64_t *amenities;
    const char *name;
    const int32_t *off_share;
    const i64 *off_night, *off_person;
    const int16_t *most_base;
    const i64 *least_adult, *least_child;
    const i64 *content_at;
    const int32_t *content_size, *brief_size, *pieces_size;
    const uint16_t *policy;
    const uint8_t *rule_flags;
    const int16_t *rule_min_arrival, *rule_min_through, *rule_max;
    const char *heap;
} Index;

/* A price scheme (taxes, currency and child bands, which many hotels have alike) for one room of the party. */
typedef struct {
    i64 key;                                 /* taxes << 32 | currency << 16 | bands */
    i64 persons, adults, children, in_band[BANDS];
    i64 step;                                /* of the currency */
    i64 up, down;                            /* what an amount is worth in the currency compared in; 0: not known, */
    i64 last;                                /* and this comes in its place, behind all amounts */
    i64 per_line, plain, fixed;
    i64 taxes, value[MOST_TAXES];            /* percentages, in millionths */
    i64 applies[MOST_NIGHTS];                /* a bit for each of them, by night */
    i64 included[MOST_NIGHTS];               /* sum of those that prices include */
    i64 due[MOST_NIGHTS], due_once;          /* sums of the amounts that prices include, by night and once */
} Scheme;

/* A result; its fields are those of compiled.py's `Picked`. */
typedef struct {
    i64 value, then, id, slot, version, content_at, metres, pair, type_place, plan, total, left, meal, policy, clock;
} Result;

static inline i64 rounded(i64 numerator, i64 denominator) {
    return (2 * numerator + denominator) / (2 * denominator); /* of what is not negative */
}

static inline i64 divided(i64 numerator, i64 denominator) {
    if (denominator == 1) return numerator; /* as mostly; dividing is slow */
    return numerator < 0 ? -rounded(-numerator, denominator) : rounded(numerator, denominator);
}
