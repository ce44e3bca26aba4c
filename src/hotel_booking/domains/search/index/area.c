/* Which hotels lie in an area and pass the filters on hotels: what view.py finds with NumPy, to the metre. A hotel that
 * stands on the circle is not decided: NOT_KNOWN is returned, and NumPy is asked. Nothing is read beyond the arrays. */

#include "index.h"

#include <math.h>

enum { AROUND, BOX, WITHIN };
enum { MOST_SCHEMES = 64, AMENITY_WORDS = 16, RANGES = 2 };
enum { BLOCK = 64 };                           /* hotels whose distances are told at once */

/* Where hotels are looked for, and what of themselves they must have. */
typedef struct {
    i64 used, sorted;                        /* slots; the first `sorted` rise by `cell` */
    i64 shape, ranges;
    double x, y, z, radius_km;               /* AROUND */
    double south, north, west[RANGES], east[RANGES];
    i64 country, region;                     /* WITHIN; a negative region: any */
    i64 stars;                               /* a bit for each number of them; negative: any */
    i64 asks_amenities;
    uint64_t amenities[AMENITY_WORDS];
    i64 arrival, clocks;
    const i64 *today;                        /* by clock */
} Area;

/* What was found there. */
typedef struct {
    i64 hotels, past, schemes;               /* past: the arrival is over where they are */
    i64 key[MOST_SCHEMES], of_scheme[MOST_SCHEMES];
} Found;

static const double EARTH_KM = 6371.0088;

/* Of sines up to this one: what the next term would add is less than a double of this size tells apart. */
static const double SMALL = 0.02;

static double small_arcsine(double x) {
    double square = x * x;
    return x * (1 + square * (1.0 / 6 + square * (3.0 / 40 + square * (15.0 / 336 + square * (105.0 / 3456)))));
}

/* The sines of half the angles between the middle of a circle and some hotels: half of the straight ways. */
static void half_sines(const Index *index, const Area *area, i64 from, i64 count, double *sines) {
    for (i64 i = 0; i < count; i++) {
        double x = index->x[from + i] - area->x, y = index->y[from + i] - area->y, z = index->z[from + i] - area->z;
        sines[i] = sqrt((x * x + y * y + z * z) / 4);
    }
}

/* The first of the sorted slots whose cell is at least `cell`, or, where `after`, more than it. */
static i64 first_from(const Index *index, i64 sorted, double cell, int after) {
    i64 low = 0, high = sorted;
    while (low < high) {
        i64 middle = low + (high - low) / 2;
        if (index->cell[middle] < cell || (after && index->cell[middle] == cell)) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Whether a hotel with this sine is in the circle, and its metres; negative where that depends on roundings. */
static int lies_near(const Area *area, double sine, i64 *metres) {
    double km = 2 * EARTH_KM * (sine < SMALL ? small_arcsine(sine) : asin(sine < 1 ? sine : 1));
    double whole = (double)(i64)(km * 1000);
    if (fabs(km - area->radius_km) < 1e-9 || fabs(km * 1000 - whole - 0.5) < 1e-6) return -1;
    *metres = (i64)whole + (km * 1000 - whole > 0.5);
    return km < area->radius_km;
}

/* Whether a slot is in a box, a country or a region. */
static int lies_in(const Index *index, const Area *area, i64 slot) {
    double lat = index->lat[slot], lon = index->lon[slot];
    if (area->shape == WITHIN)
        return index->country[slot] == area->country && (area->region < 0 || index->region[slot] == area->region);
    int between = 0;
    for (i64 range = 0; range < area->ranges; range++) between |= lon >= area->west[range] && lon <= area->east[range];
    return between && lat >= area->south && lat <= area->north;
}

static int has_all(const Index *index, const Area *area, i64 slot) {
    i64 stars = index->stars[slot];
    if (area->stars >= 0 && !(stars >= 0 && stars < 63 && area->stars >> stars & 1)) return 0;
    for (i64 word = 0; area->asks_amenities && word < AMENITY_WORDS; word++)
        if (area->amenities[word] & ~index->amenities[slot * AMENITY_WORDS + word]) return 0;
    return 1;
}

/* The hotels of slots `from` to `to` that are in the area: their slots, metres, days to the arrival, and the
 * places of their schemes among the different ones. */
static int gather(const Index *index, const Area *area, i64 from, i64 to, i64 most, i64 *slots, i64 *metres, i64 *ahead,
                  i64 *schemes, Found *found) {
    double sines[BLOCK];
    for (i64 slot = from; slot < to; slot++) {
        i64 away = 0, of_block = (slot - from) % BLOCK;
        if (area->shape == AROUND && !of_block)
            half_sines(index, area, slot, to - slot < BLOCK ? to - slot : BLOCK, sines);
        if (index->state[slot] == EMPTY) continue;
        int lies = area->shape == AROUND ? lies_near(area, sines[of_block], &away) : lies_in(index, area, slot);
        if (lies < 0) return NOT_KNOWN;
        if (!lies || !has_all(index, area, slot)) continue;
        i64 clock = index->clock[slot];
        if (clock >= area->clocks) return NOT_KNOWN;
        i64 days = area->arrival - area->today[clock];
        if (days < 0) {
            found->past++;
            continue;
        }
        if (found->hotels == most) return TOO_MANY;
        i64 hotel = found->hotels++, place = hotel ? schemes[hotel - 1] : 0;
        i64 key = (i64)index->taxes[slot] << 32 | (i64)index->currency[slot] << 16 | index->bands[slot];
        if (place >= found->schemes || found->key[place] != key)
            for (place = 0; place < found->schemes && found->key[place] != key; place++) continue;
        if (place == found->schemes) {
            if (found->schemes == MOST_SCHEMES) return NOT_KNOWN;
            found->of_scheme[place] = 0;
            found->key[found->schemes++] = key;
        }
        found->of_scheme[place]++;
        slots[hotel] = slot;
        metres[hotel] = away;
        ahead[hotel] = days;
        schemes[hotel] = place;
    }
    return DONE;
}

/* The hotels of an area, at most `most`. */
int inside(const Index *index, const Area *area, i64 most, i64 *slots, i64 *metres, i64 *ahead, i64 *schemes, Found *found) {
    i64 sorted = area->sorted, used = area->used;
    found->hotels = found->past = found->schemes = 0;
    if (sorted < 0 || used < sorted || used > index->properties || area->ranges > RANGES) return NOT_KNOWN;
    if (area->shape == WITHIN) return gather(index, area, 0, used, most, slots, metres, ahead, schemes, found);
    i64 last = (i64)((area->north + 90) * 4);
    for (i64 range = 0; range < area->ranges; range++) {
        for (i64 row = (i64)((area->south + 90) * 4); row <= last; row++) {
            double cells = (double)(row * 1000);
            i64 from = first_from(index, sorted, cells + area->west[range] + 180, 0);
            i64 to = first_from(index, sorted, cells + area->east[range] + 180, 1);
            int known = gather(index, area, from, to, most, slots, metres, ahead, schemes, found);
            if (known != DONE) return known;
        }
    }
    return gather(index, area, sorted, used, most, slots, metres, ahead, schemes, found);
}
