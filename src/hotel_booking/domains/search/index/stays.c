/* The cheapest that each of many hotels sells for a stay: what kernel.py and totals.py compute with NumPy, in
 * one pass without arrays in between. It has to give the same to the minor unit; tests compare the two.
 *
 * Whatever it does not know (amounts so large that they could leave 64 bits, columns that were half written
 * while it read) it does not decide: it returns NOT_KNOWN, and NumPy is asked. Nothing is read beyond the arrays, whatever their numbers say. Names are layout.py's.
 *
 * All fields have eight bytes, so that compiled.py's structures have the same layout. */

#include <stdint.h>

enum { NONE_SOLD = -1, LEFT_TO_SQL = -2 };       /* in `best` */
enum { DONE = 0, NOT_KNOWN = 1 };
enum { NO_ADJUSTMENT, PERCENT, AMOUNT, AMOUNT_PER_PERSON };
enum { BANDS = 4, MOST_NIGHTS = 64, MOST_TAXES = 8, MOST_TYPES = 256, MOST_RATES = 2048, LINES = 2 + BANDS };
static const int64_t MILLION = 1000000, LARGEST = 2000000000000, LARGEST_EXTRA = 1000000000;

typedef int64_t i64;

/* What this was built from: a library of an older file has other structures, and is not used. */
const char *source(void) { return SOURCE; }

typedef struct {
    i64 rows, properties, types, rates, pairs; /* sizes of the arrays */
    const int16_t *free;
    const uint16_t *type_rule;
    const int32_t *price;
    const uint16_t *rate_rule;
    const int32_t *first_type, *type_count, *first_rate, *rate_count, *first_pair, *pair_count;
    const uint16_t *taxes, *currency, *bands;
    const int16_t *base_occupancy, *max_occupancy, *max_adults, *max_children;
    const i64 *extra_adult, *child_amounts;
    const int32_t *rate_type;
    const uint8_t *own_extras;
    const int32_t *pair_type, *pair_rate, *pair_own;
    const uint8_t *adjust_kind;
    const i64 *adjust_value;
    const int16_t *min_advance, *max_advance, *min_stay, *max_stay, *meal;
} Index;

/* What all hotels with the same taxes, currency and child bands have in common for one room of the party. */
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
} House;

typedef struct {
    i64 first_row, nights, rooms;
    i64 rules;                               /* how many there are */
    const uint8_t *through, *arrival, *departure;
    i64 meals, meal[16];                     /* none: any */
    i64 compares, least, most;               /* a filter on totals, converted where `compares` */
} Stay;

static i64 rounded(i64 numerator, i64 denominator) {
    return (2 * numerator + denominator) / (2 * denominator); /* of what is not negative */
}

static i64 divided(i64 numerator, i64 denominator) {
    return numerator < 0 ? -rounded(-numerator, denominator) : rounded(numerator, denominator);
}

static i64 converted(const House *house, i64 amount) {
    __int128 up = (__int128)amount * house->up;
    return (i64)((2 * up + house->down) / (2 * (__int128)house->down));
}

/* What one room costs on a pair, or a negative number where that is not known here. */
static i64 total_of(const Index *index, const House *house, const i64 *rows, i64 nights, i64 type, i64 rate, i64 pair) {
    i64 step = house->step, extras[LINES], extra = 0;
    int lines = 0, kind = index->adjust_kind[pair];
    i64 more = house->adults - index->base_occupancy[type];
    if (more > 0) {
        if (index->extra_adult[type] > LARGEST_EXTRA) return -1;
        extras[lines++] = more * divided(index->extra_adult[type], step);
    }
    for (int band = 0; band < BANDS; band++) {
        i64 amount = index->child_amounts[type * BANDS + band];
        if (!house->in_band[band]) continue;
        if (amount > LARGEST_EXTRA) return -1;
        extras[lines++] = house->in_band[band] * divided(amount, step);
    }
    for (int line = 0; line < lines; line++) {
        if (extras[line] < 0) return -1;
        extra += extras[line];
    }
    i64 value = index->adjust_value[pair];
    if (kind == PERCENT && (value > 10 * MILLION || value < -10 * MILLION)) return -1;
    if (value > LARGEST || value < -LARGEST) return -1;
    if (kind >= AMOUNT) value = divided(value, step) * (kind == AMOUNT_PER_PERSON ? house->persons : 1);

    i64 total = house->fixed, base[MOST_TAXES] = {0}, due_once = house->due_once;
    for (i64 night = 0; night < nights; night++) {
        i64 price = index->price[rows[night] * index->rates + rate];
        if (step > 1) price = rounded(price, step);
        i64 charged = price + extra;
        if (kind == PERCENT) {
            i64 change = rounded(charged * (value < 0 ? -value : value), MILLION);
            charged += value < 0 ? -change : change;
        } else if (kind >= AMOUNT) {
            charged += value > -charged ? value : -charged;
        }
        if (house->plain) {
            total += charged;
            continue;
        }
        if (charged * (house->per_line ? 1 : nights) > LARGEST || charged < 0) return -1;
        i64 line[LINES] = {charged};
        int count = 1;
        if (kind == NO_ADJUSTMENT && lines) { /* each line is rounded for itself */
            line[0] = price;
            for (int i = 0; i < lines; i++) line[count++] = extras[i];
        }
        i64 left = charged - (house->due[night] < charged ? house->due[night] : charged);
        i64 of_stay = due_once < left ? due_once : left, taken = charged - left + of_stay;
        left -= of_stay;
        due_once -= of_stay;
        total += taken;
        for (int i = 0; i < count && taken; i++) {
            i64 of_line = taken < line[i] ? taken : line[i];
            line[i] -= of_line;
            taken -= of_line;
        }
        i64 net = 0, ppm = house->included[night], applies = house->applies[night];
        for (int i = 0; i < count; i++) {
            i64 own = ppm ? rounded(line[i] * MILLION, MILLION + ppm) : line[i];
            net += own;
            if (!house->per_line) continue;
            for (i64 tax = 0; tax < house->taxes; tax++)
                if (applies >> tax & 1) total += rounded(own * house->value[tax], MILLION);
        }
        total += house->per_line ? left : net;
        for (i64 tax = 0; !house->per_line && tax < house->taxes; tax++)
            if (applies >> tax & 1) base[tax] += net;
    }
    for (i64 tax = 0; !house->per_line && tax < house->taxes; tax++) total += rounded(base[tax] * house->value[tax], MILLION);
    return total * step;
}

/* Whether the rules of a column's nights refuse the stay, and whether one forbids to leave. 2: a rule that
 * came while this was reading. */
static int refused(const uint16_t *rules, i64 width, i64 column, const i64 *rows, const Stay *stay, int *leaves) {
    int found = 0;
    for (i64 night = 0; night <= stay->nights; night++) {
        uint16_t rule = rules[rows[night] * width + column];
        if (!rule) continue;
        if (rule >= stay->rules) return 2;
        if (night == stay->nights) *leaves = stay->departure[rule];
        else found |= (night ? stay->through : stay->arrival)[rule];
    }
    return found;
}

/* The different combinations of taxes, currency and child bands, at most `most`; NOT_KNOWN where there are
 * more. `houses` gets the place of each hotel's. */
int different_houses(const Index *index, const i64 *slots, i64 hotels, i64 *keys, i64 most, i64 *count, i64 *houses) {
    *count = 0;
    for (i64 hotel = 0; hotel < hotels; hotel++) {
        i64 slot = slots[hotel], place = hotel ? houses[hotel - 1] : 0;
        if (slot < 0 || slot >= index->properties) return NOT_KNOWN;
        i64 key = (i64)index->taxes[slot] << 32 | (i64)index->currency[slot] << 16 | index->bands[slot];
        if (place >= *count || keys[place] != key)
            for (place = 0; place < *count && keys[place] != key; place++) continue;
        if (place == *count) {
            if (*count == most) return NOT_KNOWN;
            keys[(*count)++] = key;
        }
        houses[hotel] = place;
    }
    return DONE;
}

/* Of each hotel the least total of the party that passes, the column of the first pair that has it, and what it
 * is sorted by: its worth, and where that is not known the total. `ahead`: days from the hotel's own today to the arrival. */
int cheapest(const Index *index, const Stay *stay, const House *const *known, const i64 *slots, const i64 *ahead,
             i64 hotels, const i64 *houses, i64 *best, i64 *least, i64 *worth, i64 *then) {
    i64 rows[MOST_NIGHTS + 1];
    uint8_t good_type[MOST_TYPES], knows[MOST_TYPES], good_rate[MOST_RATES];
    signed char leaves_rate[MOST_RATES], refused_rate[MOST_RATES];
    i64 nights = stay->nights, departure = nights;
    if (nights < 1 || nights > MOST_NIGHTS) return NOT_KNOWN;
    for (i64 night = 0; night <= nights; night++) rows[night] = (stay->first_row + night) % index->rows;

    for (i64 hotel = 0; hotel < hotels; hotel++) {
        i64 slot = slots[hotel], days = ahead[hotel];
        const House *house = known[houses[hotel]];
        i64 first_type = index->first_type[slot], types = index->type_count[slot];
        i64 first_rate = index->first_rate[slot], rates = index->rate_count[slot];
        i64 first_pair = index->first_pair[slot], pairs = index->pair_count[slot];
        best[hotel] = NONE_SOLD;
        least[hotel] = 0;
        if (first_type < 0 || types < 0 || types > MOST_TYPES || first_type + types > index->types) return NOT_KNOWN;
        if (first_rate < 0 || rates < 0 || rates > MOST_RATES || first_rate + rates > index->rates) return NOT_KNOWN;
        if (first_pair < 0 || pairs < 0 || first_pair + pairs > index->pairs) return NOT_KNOWN;

        for (i64 i = 0; i < types; i++) {
            i64 type = first_type + i;
            int leaves = 0, refuses = refused(index->type_rule, index->types, type, rows, stay, &leaves);
            if (refuses == 2) return NOT_KNOWN;
            knows[i] = index->free[rows[departure] * index->types + type] != INT16_MIN;
            good_type[i] = !refuses && !(leaves && knows[i]) && index->max_occupancy[type] >= house->persons &&
                           index->max_adults[type] >= house->adults &&
                           (!house->children || index->max_children[type] >= house->children);
            for (i64 night = 0; night < nights && good_type[i]; night++)
                good_type[i] = index->free[rows[night] * index->types + type] >= stay->rooms;
        }
        for (i64 i = 0; i < rates; i++) {
            i64 rate = first_rate + i, type = index->rate_type[rate] - first_type;
            int leaves = 0, refuses = refused(index->rate_rule, index->rates, rate, rows, stay, &leaves);
            if (refuses == 2 || type < 0 || type >= types) return NOT_KNOWN;
            refused_rate[i] = (signed char)refuses;
            leaves_rate[i] = (signed char)leaves;
            good_rate[i] = good_type[type];
            for (i64 night = 0; night < nights && good_rate[i]; night++)
                good_rate[i] = index->price[rows[night] * index->rates + rate] >= 0;
        }
        for (i64 pair = first_pair; pair < first_pair + pairs; pair++) {
            i64 rate = index->pair_rate[pair], own = index->pair_own[pair], type = index->pair_type[pair];
            if (rate < 0) continue;
            rate -= first_rate;
            own = own < 0 ? -1 : own - first_rate;
            if (rate < 0 || rate >= rates || own >= rates || own < -1) return NOT_KNOWN;
            if (type < first_type || type >= first_type + types) return NOT_KNOWN;
            if (!good_rate[rate] || refused_rate[rate] || (own >= 0 && refused_rate[own])) continue;
            if (knows[type - first_type] && (leaves_rate[rate] || (own >= 0 && leaves_rate[own]))) continue;
            if (index->min_advance[pair] > days || index->min_stay[pair] > nights) continue;
            if ((uint16_t)index->max_advance[pair] < days || (uint16_t)index->max_stay[pair] < nights) continue;
            i64 meal = 0;
            while (meal < stay->meals && stay->meal[meal] != index->meal[pair]) meal++;
            if (stay->meals && meal == stay->meals) continue;
            if (index->own_extras[first_rate + rate] &&
                (house->adults > index->base_occupancy[type] || house->children)) {
                best[hotel] = LEFT_TO_SQL;
                break;
            }
            i64 total = total_of(index, house, rows, nights, type, first_rate + rate, pair);
            if (total < 0) return NOT_KNOWN;
            total *= stay->rooms;
            if (stay->least >= 0 || stay->most >= 0) {
                i64 compared = stay->compares ? converted(house, total) : total;
                if (compared < stay->least || (stay->most >= 0 && compared > stay->most)) continue;
            }
            if (best[hotel] == NONE_SOLD || total < least[hotel]) {
                best[hotel] = pair;
                least[hotel] = total;
            }
        }
        worth[hotel] = house->down ? converted(house, least[hotel]) : house->last;
        then[hotel] = house->down ? 0 : least[hotel];
        if (house->down && (worth[hotel] < 0 || worth[hotel] >= (i64)1 << 62)) return NOT_KNOWN;
    }
    return DONE;
}
