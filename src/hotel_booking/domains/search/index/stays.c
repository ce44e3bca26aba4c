/* Of the hotels that area.c found the cheapest that each sells for a stay, and which come first; the nights of one
 * hotel, each for itself; and all that it sells for a stay, line by line: what kernel.py, totals.py, find.py and
 * single_nights.py compute with NumPy, and pricing.py with Python, in one pass without arrays in between. It has to
 * give the same to the minor unit; tests compare them.
 *
 * Whatever it does not know (amounts so large that they could leave 64 bits, columns that were half written
 * while it read) it does not decide: it returns NOT_KNOWN, and NumPy is asked. Nothing is read beyond the arrays,
 * whatever their numbers say. */

#include "index.h"

#include <string.h>

enum { NONE_SOLD = -1, LEFT_TO_SQL = -2 };       /* in `best` */
enum { BY_PRICE, BY_DISTANCE, BY_STARS, BY_NAME };
enum { CLOSED = 1, TO_ARRIVAL = 2, TO_DEPARTURE = 4, NO_LIMIT = 1 << 30 };
enum { NAME_BYTES = 40, MOST_TYPES = 256, MOST_PAIRS = 1024 };
enum { FETCHED = 4 };                            /* how many hotels before it is looked at */
enum { A_COUPLE = 2 };
static const i64 LARGEST = 2000000000000, LARGEST_EXTRA = 1000000000;

/* What this was built from: a library of older files has other structures, and is not used. */
const char *source(void) { return SOURCE; }

/* Each of the taxes of one room of the party, as stay_taxes.py has them, amounts in steps of the currency. */
typedef struct {
    i64 per_line, taxes;
    i64 percent[MOST_TAXES], included[MOST_TAXES];
    i64 value[MOST_TAXES];                   /* millionths, or the amount of all who count */
    i64 counted[MOST_TAXES];
    i64 once[MOST_TAXES];                    /* of an amount: that it is due once, on arrival */
    i64 applies[MOST_NIGHTS];                /* a bit for each, by night */
} Taxes;

typedef struct {
    i64 first_row, nights, rooms;
    i64 kinds;                               /* of rooms that differ in who sleeps in them, */
    const i64 *each;                         /* and how many there are of each */
    i64 rules;                               /* how many there are */
    const uint8_t *through, *arrival, *departure;
    i64 meals;                               /* a bit for each; 0: any */
    i64 compares, least, most;               /* a filter on totals, converted where `compares` */
    i64 sort, wanted;                        /* how many results */
    i64 lazy;                                /* only so many hotels are asked as the results need, and none counted */
    i64 (*gives)(i64 slot, i64 pair, i64 total); /* NULL, or whether a pair is wanted; negative: failed */
    i64 follows, value, then, id;            /* only those after this key, where `follows` */
} Stay;

/* Of which nights of a hotel is asked what each costs for itself. */
typedef struct {
    i64 slot, first_row, nights, ahead;      /* ahead: days from today to the first */
    i64 types, plans;                        /* of the hotel: a pair is one of each */
    i64 only_type, only_plan;                /* the place of the one asked for; negative: all */
    i64 rules;                               /* how many there are */
    i64 dated;                               /* each night has a scheme of its own */
} Calendar;

/* What it costs at least, which pair costs that, and the loosest that the pairs open on it restrict. */
typedef struct {
    i64 cost, pair, left, min_arrival, min_through, most, no_arrival, no_departure;
} Night;

/* A hotel on its way into the order. */
typedef struct {
    i64 value, then, id, place, best, total; /* best: NONE_SOLD until it was asked, for good */
} Entry;

typedef struct {
    i64 results, sold, left;
} Counts;

static i64 converted(const Scheme *scheme, i64 amount) {
    if (scheme->up == scheme->down) return amount;
    __int128 up = (__int128)amount * scheme->up;
    return (i64)((2 * up + scheme->down) / (2 * (__int128)scheme->down));
}

/* What a room costs by a rate's prices alone: each night, and the lines of extra persons that each night has. */
typedef struct {
    i64 price[MOST_NIGHTS], extras[LINES], what[LINES], extra; /* extra: their sum */
    int lines;
} Basis;

/* What it costs on a pair, beside its taxes. */
typedef struct {
    i64 charged[MOST_NIGHTS];
    int is_adjusted;                         /* such a night is rounded as one line, */
    int splits;                              /* and these into one for each */
} Charges;

/* Fills in the basis; 0 where it is not known here. */
static inline int base(const Index *index, const Scheme *scheme, const i64 *rows, i64 nights, i64 type, i64 rate,
                       Basis *basis) {
    i64 step = scheme->step, more = scheme->adults - index->base_occupancy[type];
    basis->lines = 0;
    basis->extra = 0;
    if (more > 0) {
        if (index->extra_adult[type] > LARGEST_EXTRA) return 0;
        basis->what[basis->lines] = EXTRA_ADULT;
        basis->extras[basis->lines++] = more * divided(index->extra_adult[type], step);
    }
    for (int band = 0; band < BANDS && scheme->children; band++) {
        i64 amount = index->child_amounts[type * BANDS + band];
        if (!scheme->in_band[band]) continue;
        if (amount > LARGEST_EXTRA) return 0;
        basis->what[basis->lines] = CHILDREN + band;
        basis->extras[basis->lines++] = scheme->in_band[band] * divided(amount, step);
    }
    for (int line = 0; line < basis->lines; line++) {
        if (basis->extras[line] < 0) return 0;
        basis->extra += basis->extras[line];
    }
    for (i64 night = 0; night < nights; night++) {
        i64 price = index->price[rows[night] * index->rates + rate];
        basis->price[night] = step > 1 ? rounded(price, step) : price;
    }
    return 1;
}

/* Fills in the charges; 0 where they are not known here. */
static int charge(const Index *index, const Scheme *scheme, i64 nights, i64 pair, const Basis *basis, Charges *charges) {
    int kind = index->adjust_kind[pair];
    i64 value = index->adjust_value[pair];
    charges->is_adjusted = kind != NO_ADJUSTMENT;
    charges->splits = basis->lines && !charges->is_adjusted;
    if (kind == PERCENT && (value > 10 * MILLION || value < -10 * MILLION)) return 0;
    if (value > LARGEST || value < -LARGEST) return 0;
    if (kind >= AMOUNT) value = divided(value, scheme->step) * (kind == AMOUNT_PER_PERSON ? scheme->persons : 1);
    for (i64 night = 0; night < nights; night++) {
        i64 charged = basis->price[night] + basis->extra;
        if (kind == PERCENT) {
            i64 change = rounded(charged * (value < 0 ? -value : value), MILLION);
            charged += value < 0 ? -change : change;
        } else if (kind >= AMOUNT) {
            charged += value > -charged ? value : -charged;
        }
        charges->charged[night] = charged;
    }
    return 1;
}

/* What one room costs with its taxes, or a negative number where that is not known here. */
static i64 total_of(const Scheme *scheme, i64 nights, const Basis *basis, const Charges *charges) {
    i64 total = scheme->fixed, taxed[MOST_TAXES] = {0}, due_once = scheme->due_once;
    for (i64 night = 0; night < nights; night++) {
        i64 charged = charges->charged[night];
        if (scheme->plain) {
            total += charged;
            continue;
        }
        if (charged * (scheme->per_line ? 1 : nights) > LARGEST || charged < 0) return -1;
        i64 line[LINES] = {charged};
        int count = 1;
        if (charges->splits) {
            line[0] = basis->price[night];
            for (int i = 0; i < basis->lines; i++) line[count++] = basis->extras[i];
        }
        i64 left = charged - (scheme->due[night] < charged ? scheme->due[night] : charged);
        i64 of_stay = due_once < left ? due_once : left, taken = charged - left + of_stay;
        left -= of_stay;
        due_once -= of_stay;
        total += taken;
        for (int i = 0; i < count && taken; i++) {
            i64 of_line = taken < line[i] ? taken : line[i];
            line[i] -= of_line;
            taken -= of_line;
        }
        i64 net = 0, ppm = scheme->included[night], applies = scheme->applies[night];
        for (int i = 0; i < count; i++) {
            i64 own = ppm ? rounded(line[i] * MILLION, MILLION + ppm) : line[i];
            net += own;
            if (!scheme->per_line) continue;
            for (i64 tax = 0; tax < scheme->taxes; tax++)
                if (applies >> tax & 1) total += rounded(own * scheme->value[tax], MILLION);
        }
        total += scheme->per_line ? left : net;
        for (i64 tax = 0; !scheme->per_line && tax < scheme->taxes; tax++)
            if (applies >> tax & 1) taxed[tax] += net;
    }
    for (i64 tax = 0; !scheme->per_line && tax < scheme->taxes; tax++)
        total += rounded(taxed[tax] * scheme->value[tax], MILLION);
    return total * scheme->step;
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

/* What of a hotel is open for a stay. */
typedef struct {
    i64 first_type, types, first_rate, rates, first_pair, pairs;
    uint8_t knows[MOST_TYPES], good_type[MOST_TYPES];
    uint8_t ruled_out[MOST_RATES], good_rate[MOST_RATES]; /* by a rule; and else sold, where its type is */
} Open;

static int fits(const Index *index, i64 type, const Scheme *scheme) {
    return index->max_occupancy[type] >= scheme->persons && index->max_adults[type] >= scheme->adults &&
           (!scheme->children || index->max_children[type] >= scheme->children);
}

/* GROUP neighbouring numbers of a row, for which the processor has one instruction; those beyond its end are 0. */
enum { GROUP = 8 };
typedef int16_t Shorts __attribute__((vector_size(2 * GROUP), aligned(2), may_alias));
typedef int32_t Longs __attribute__((vector_size(4 * GROUP), aligned(4), may_alias));

static inline Shorts shorts(const void *row, i64 width, i64 column) {
    const int16_t *from = (const int16_t *)row + column;
    if (column + GROUP <= width) return *(const Shorts *)from;
    Shorts some = {0};
    for (int i = 0; column + i < width; i++) some[i] = from[i];
    return some;
}

static inline Longs longs(const int32_t *row, i64 width, i64 column) {
    if (column + GROUP <= width) return *(const Longs *)(row + column);
    Longs some = {0};
    for (int i = 0; column + i < width; i++) some[i] = row[column + i];
    return some;
}

/* The rules of some columns' nights: whether they refuse the stay, and whether one forbids to leave. 0 where a
 * rule came while this was reading. */
static int ask_rules(const uint16_t *rules, i64 width, i64 column, i64 count, const i64 *rows,
                     const Stay *stay, uint8_t *refuses, uint8_t *leaves) {
    Shorts any = {0};
    for (i64 night = 0; night <= stay->nights; night++) any |= shorts(rules + rows[night] * width, width, column);
    for (i64 i = 0; i < count; i++) {
        int forbids = 0, found = any[i] ? refused(rules, width, column + i, rows, stay, &forbids) : 0;
        if (found == 2) return 0;
        refuses[i] = (uint8_t)found;
        leaves[i] = (uint8_t)forbids;
    }
    return 1;
}

/* Fills in what is open for a party with rooms of these kinds. Night by night, whose numbers lie side by side. */
static int open_for(const Index *index, const Stay *stay, const Scheme *const *kinds, i64 many, const i64 *rows, i64 slot,
                    Open *open) {
    i64 nights = stay->nights, departure = nights;
    i64 first_type = open->first_type = index->first_type[slot], types = open->types = index->type_count[slot];
    i64 first_rate = open->first_rate = index->first_rate[slot], rates = open->rates = index->rate_count[slot];
    i64 first_pair = open->first_pair = index->first_pair[slot], pairs = open->pairs = index->pair_count[slot];
    if (first_type < 0 || types < 0 || types > MOST_TYPES || first_type + types > index->types) return NOT_KNOWN;
    if (first_rate < 0 || rates < 0 || rates > MOST_RATES || first_rate + rates > index->rates) return NOT_KNOWN;
    if (first_pair < 0 || pairs < 0 || first_pair + pairs > index->pairs) return NOT_KNOWN;

    for (i64 from = 0; from < types; from += GROUP) {
        i64 column = first_type + from, count = types - from < GROUP ? types - from : GROUP;
        Shorts least = shorts(index->free + rows[0] * index->types, index->types, column), own;
        uint8_t refuses[GROUP], leaves[GROUP];
        for (i64 night = 1; night < nights; night++) {
            own = shorts(index->free + rows[night] * index->types, index->types, column);
            Shorts less = own < least;
            least = (own & less) | (least & ~less);
        }
        own = shorts(index->free + rows[departure] * index->types, index->types, column);
        if (!ask_rules(index->type_rule, index->types, column, count, rows, stay, refuses, leaves)) return NOT_KNOWN;
        for (i64 i = 0; i < count; i++) {
            int knows = own[i] != INT16_MIN, good = least[i] >= stay->rooms && !refuses[i] && !(leaves[i] && knows);
            for (i64 kind = 0; kind < many && good; kind++) good = fits(index, column + i, kinds[kind]);
            open->knows[from + i] = (uint8_t)knows;
            open->good_type[from + i] = (uint8_t)good;
        }
    }
    for (i64 from = 0; from < rates; from += GROUP) {
        i64 column = first_rate + from, count = rates - from < GROUP ? rates - from : GROUP;
        uint8_t refuses[GROUP], leaves[GROUP];
        Longs any = longs(index->price + rows[0] * index->rates, index->rates, column);
        for (i64 night = 1; night < nights; night++)
            any |= longs(index->price + rows[night] * index->rates, index->rates, column); /* negative where one is */
        if (!ask_rules(index->rate_rule, index->rates, column, count, rows, stay, refuses, leaves)) return NOT_KNOWN;
        for (i64 i = 0; i < count; i++) {
            i64 type = index->rate_type[column + i] - first_type;
            if (type < 0 || type >= types) return NOT_KNOWN;
            int ruled_out = refuses[i] || (leaves[i] && open->knows[type]);
            open->ruled_out[from + i] = (uint8_t)ruled_out;
            open->good_rate[from + i] = (uint8_t)(open->good_type[type] && any[i] >= 0 && !ruled_out);
        }
    }
    return DONE;
}

/* Whether a pair is sold, `days` before the arrival, and its columns; negative: not known. */
static inline int is_sold(const Index *index, const Stay *stay, const Open *open, i64 days, i64 pair, i64 *of_type,
                          i64 *of_rate) {
    i64 rate = *of_rate = index->pair_rate[pair], own = index->pair_own[pair];
    i64 type = (*of_type = index->pair_type[pair]) - open->first_type;
    if (rate < 0) return 0;
    rate -= open->first_rate;
    own = own < 0 ? -1 : own - open->first_rate;
    if (rate < 0 || rate >= open->rates || own >= open->rates || own < -1) return -1;
    if (type < 0 || type >= open->types) return -1;
    if (!open->good_rate[rate] || (own >= 0 && open->ruled_out[own])) return 0;
    if (index->min_advance[pair] > days || index->min_stay[pair] > stay->nights) return 0;
    return (uint16_t)index->max_advance[pair] >= days && (uint16_t)index->max_stay[pair] >= stay->nights;
}

/* Whether a night of the rate may have other amounts for the persons than the room type has. */
static int has_own_extras(const Index *index, const Scheme *scheme, i64 type, i64 rate) {
    return index->own_extras[rate] && (scheme->adults > index->base_occupancy[type] || scheme->children);
}

/* A pair that a hotel sells: its columns, and what the party pays for it at least. */
typedef struct {
    i64 pair, type, rate, least;
} Sold;

/* What a room costs on a pair at least: its nights without their taxes, less what roundings can take off. `sum` is
 * what its rate's nights come to. Negative where that is not known here. */
static i64 least_of(const Index *index, const Scheme *scheme, i64 nights, i64 pair, i64 sum) {
    int kind = index->adjust_kind[pair];
    i64 least = sum;
    if (kind != NO_ADJUSTMENT) {
        i64 value = index->adjust_value[pair];
        if (value > LARGEST || value < -LARGEST) return -1;
        if (kind == PERCENT) {
            if (value > 10 * MILLION || value < -10 * MILLION || sum > LARGEST / 4) return -1;
            least += sum * value / MILLION - nights - 1;
        } else {
            least += nights * divided(value, scheme->step) * (kind == AMOUNT_PER_PERSON ? scheme->persons : 1);
        }
    }
    /* Each line's net, and each tax of it, is rounded. */
    if (!scheme->plain) least -= nights * LINES * (1 + scheme->taxes);
    return ((least > 0 ? least : 0) + scheme->fixed) * scheme->step;
}

/* The pairs that a hotel sells to the party, with meals that are wanted, in the order of pairs; how many, or a
 * negative number where that is not known here. `schemes` are those of the party's kinds of rooms, `days` those from
 * the hotel's own today to the arrival. `left` is set where only SQL can tell. */
static i64 sold_of(const Index *index, const Stay *stay, const Scheme *const *schemes, const i64 *rows, i64 days,
                   const Open *open, Sold *sold, int *left) {
    Basis basis;
    i64 kinds = stay->kinds, count = 0, type, rate, of_type = -1, of_rate = -1, sum[MOST_KINDS];
    *left = 0;
    if (open->pairs > MOST_PAIRS) return -1;
    for (i64 pair = open->first_pair; pair < open->first_pair + open->pairs; pair++) {
        int known = is_sold(index, stay, open, days, pair, &type, &rate);
        if (known < 0) return -1;
        if (!known) continue;
        i64 meal = index->meal[pair], total = 0;
        if (stay->meals && !(meal >= 0 && meal < 63 && stay->meals >> meal & 1)) continue;
        for (i64 kind = 0; kind < kinds; kind++) {
            if (has_own_extras(index, schemes[kind], type, rate)) {
                *left = 1;
                return 0;
            }
            if (type != of_type || rate != of_rate) { /* the plans of a type mostly have one */
                if (!base(index, schemes[kind], rows, stay->nights, type, rate, &basis)) return -1;
                sum[kind] = stay->nights * basis.extra;
                for (i64 night = 0; night < stay->nights; night++) sum[kind] += basis.price[night];
            }
            i64 of_room = least_of(index, schemes[kind], stay->nights, pair, sum[kind]);
            if (of_room < 0) return -1;
            total += of_room * stay->each[kind];
        }
        of_type = type;
        of_rate = rate;
        sold[count++] = (Sold){pair, type, rate, total};
    }
    return count;
}

/* How many pairs a hotel sells to the party, at least: none, or one, or all of them where that is not seen by its rates
 * alone, which most are. As `sold_of` otherwise. */
static i64 sells(const Index *index, const Stay *stay, const Scheme *const *schemes, const i64 *rows, i64 slot, i64 days,
                 int *left) {
    Open open;
    Sold sold[MOST_PAIRS];
    int good = 0, always = 0, own_extras = 0;
    *left = 0;
    if (open_for(index, stay, schemes, stay->kinds, rows, slot, &open) != DONE) return -1;
    for (i64 place = 0; place < open.rates; place++) {
        i64 rate = open.first_rate + place;
        if (!open.good_rate[place]) continue;
        good = 1;
        always |= index->always[rate];
        own_extras |= index->own_extras[rate];
    }
    if (!good || (always && !own_extras && !stay->meals)) return good;
    return sold_of(index, stay, schemes, rows, days, &open, sold, left);
}

/* What the party pays for a pair, or a negative number where that is not known here. */
static i64 paid_for(const Index *index, const Stay *stay, const Scheme *const *schemes, const i64 *rows, const Sold *one) {
    Basis basis;
    Charges charges;
    i64 total = 0;
    for (i64 kind = 0; kind < stay->kinds; kind++) {
        if (!base(index, schemes[kind], rows, stay->nights, one->type, one->rate, &basis)) return -1;
        if (!charge(index, schemes[kind], stay->nights, one->pair, &basis, &charges)) return -1;
        i64 of_room = total_of(schemes[kind], stay->nights, &basis, &charges);
        if (of_room < 0) return -1;
        total += of_room * stay->each[kind];
    }
    return total;
}

static i64 cheapest_of(const Sold *sold, i64 count) {
    i64 cheapest = 0;
    for (i64 place = 1; place < count; place++)
        if (sold[place].least < sold[cheapest].least) cheapest = place;
    return cheapest;
}

/* The sum of the lowest prices of the nights at which a hotel has beds for the party, of its first 64 rates; or a
 * negative number where nothing has a price on some night. */
static i64 lowest_of(const Index *index, const Stay *stay, const Scheme *const *schemes, const i64 *rows, i64 slot) {
    i64 first = index->first_rate[slot], rates = index->rate_count[slot], nights = stay->nights, sum = 0;
    uint64_t fit = UINT64_MAX; /* a bit for each of the first rates: that its type has beds for all rooms of the party */
    int larger = 0;
    for (i64 kind = 0; kind < stay->kinds; kind++) larger |= schemes[kind]->persons > A_COUPLE || schemes[kind]->children;
    if (!larger) { /* they fit nearly everywhere */
        for (i64 night = 0; night < nights; night++) {
            i64 least = index->lowest[rows[night] * index->properties + slot];
            if (least < 0) return -1;
            sum += least;
        }
        return sum;
    }
    if (first < 0 || rates < 0 || first + rates > index->rates) return 0;
    for (i64 kind = 0; kind < stay->kinds; kind++) {
        for (i64 i = 0; i < rates && i < 64; i++) {
            i64 type = index->rate_type[first + i];
            if (type < 0 || type >= index->types) return 0;
            if (!fits(index, type, schemes[kind])) fit &= ~((uint64_t)1 << i);
        }
    }
    for (i64 night = 0; night < nights; night++) {
        const int32_t *price = index->price + rows[night] * index->rates + first;
        uint32_t least = UINT32_MAX; /* no price is more than any */
        for (i64 i = 0; i < rates; i++) {
            uint32_t own = i >= 64 || fit >> i & 1 ? (uint32_t)price[i] : UINT32_MAX;
            least = own < least ? own : least;
        }
        if (least > INT32_MAX) return -1;
        sum += least;
    }
    return sum;
}

/* What a hotel charges at least for the extra persons of a room, each night. */
static i64 extras_of(const Index *index, const Scheme *scheme, i64 slot) {
    i64 sum = 0, more = scheme->adults - index->most_base[slot], amount = index->least_adult[slot];
    if (more > 0 && amount > 0 && amount <= LARGEST_EXTRA) sum += more * divided(amount, scheme->step) * scheme->step;
    for (int band = 0; band < BANDS && scheme->children; band++) {
        amount = index->least_child[slot * BANDS + band];
        if (amount > 0 && amount <= LARGEST_EXTRA)
            sum += scheme->in_band[band] * divided(amount, scheme->step) * scheme->step;
    }
    return sum;
}

/* What a hotel costs the party at least, by its prices alone, whether it sells the stay or not; or a negative number
 * where nothing that they fit in has a price on some night. */
static i64 bound_of(const Index *index, const Stay *stay, const Scheme *const *schemes, const i64 *rows, i64 slot) {
    i64 nights = stay->nights, bound = 0, sum = lowest_of(index, stay, schemes, rows, slot);
    i64 share = index->off_share[slot], night_off = index->off_night[slot], person_off = index->off_person[slot];
    if (sum < 0) return -1;
    if (share < 0 || share > MILLION || night_off < 0 || night_off > LARGEST || person_off < 0 || person_off > LARGEST)
        return 0;
    for (i64 kind = 0; kind < stay->kinds; kind++) {
        const Scheme *scheme = schemes[kind];
        i64 paid = sum + nights * extras_of(index, scheme, slot);
        i64 off = (paid * share + MILLION - 1) / MILLION, each = nights * person_off * scheme->persons;
        if (off < nights * night_off) off = nights * night_off;
        if (off < each) off = each;
        /* Each night's price and adjustment, each line's net, and each tax of it, is rounded. */
        i64 least = paid - off - scheme->step * nights * (2 + LINES * (1 + scheme->taxes));
        bound += ((least > 0 ? least : 0) + scheme->fixed * scheme->step) * stay->each[kind];
    }
    return bound;
}

/* What the filter on totals looks at. */
static i64 compared(const Stay *stay, const Scheme *scheme, i64 total) {
    return stay->compares ? converted(scheme, total) : total;
}

static int is_too_dear(const Stay *stay, const Scheme *scheme, i64 total) {
    return stay->most >= 0 && compared(stay, scheme, total) > stay->most;
}

/* The least total of the party that a hotel sells and that passes, and the first pair that has it; of the pairs
 * that are wanted. Taxes are most of the work: only pairs that may cost less are asked for them. */
static int sell(const Index *index, const Stay *stay, const Scheme *const *schemes, const i64 *rows, i64 slot, i64 days,
                i64 *best, i64 *least) {
    Open open;
    Sold sold[MOST_PAIRS];
    int left;
    if (open_for(index, stay, schemes, stay->kinds, rows, slot, &open) != DONE) return NOT_KNOWN;
    i64 count = sold_of(index, stay, schemes, rows, days, &open, sold, &left);
    *best = left ? LEFT_TO_SQL : NONE_SOLD;
    *least = 0;
    if (count < 0) return NOT_KNOWN;
    i64 first = cheapest_of(sold, count);
    for (i64 turn = 0; turn < count; turn++) {
        const Sold *one = &sold[turn ? turn - (turn <= first) : first];
        if (*best != NONE_SOLD && one->least > *least) continue;
        i64 total = paid_for(index, stay, schemes, rows, one);
        if (total < 0) return NOT_KNOWN;
        if (stay->least >= 0 && compared(stay, schemes[0], total) < stay->least) continue;
        if (is_too_dear(stay, schemes[0], total)) continue;
        if (*best != NONE_SOLD && (total > *least || (total == *least && one->pair > *best))) continue;
        i64 wanted = stay->gives ? stay->gives(slot, one->pair, total) : 1;
        if (wanted < 0) return NOT_KNOWN;
        if (!wanted) continue;
        *best = one->pair;
        *least = total;
    }
    return DONE;
}

/* Has what `open_for` will read of a hotel fetched, while another one is looked at: in a large catalogue most of it is
 * in no cache, and each of these lines would be waited for. */
static void fetch_nights(const Index *index, const Stay *stay, const i64 *rows, i64 slot) {
    i64 type = index->first_type[slot], rate = index->first_rate[slot];
    for (i64 night = 0; night <= stay->nights; night++) {
        i64 of_types = rows[night] * index->types + type, of_rates = rows[night] * index->rates + rate;
        __builtin_prefetch(index->free + of_types);
        __builtin_prefetch(index->type_rule + of_types);
        __builtin_prefetch(index->price + of_rates);
        __builtin_prefetch(index->rate_rule + of_rates);
    }
}

/* And what `sold_of` and `tell` will read. */
static void fetch_pairs(const Index *index, i64 slot) {
    i64 pair = index->first_pair[slot];
    __builtin_prefetch(index->pair_type + pair);
    __builtin_prefetch(index->pair_rate + pair);
    __builtin_prefetch(index->pair_own + pair);
    __builtin_prefetch(index->adjust_kind + pair);
    __builtin_prefetch(index->adjust_value + pair);
    __builtin_prefetch(index->min_advance + pair);
    __builtin_prefetch(index->max_advance + pair);
    __builtin_prefetch(index->min_stay + pair);
    __builtin_prefetch(index->max_stay + pair);
    __builtin_prefetch(index->meal + pair);
    __builtin_prefetch(index->pair_plan + pair);
    __builtin_prefetch(index->policy + pair);
}

/* Whether one hotel comes before another. `unknown` is set where names go on beyond what the arrays have. */
static int before(const Index *index, const i64 *slots, i64 sort, const Entry *one, const Entry *other, int *unknown) {
    if (sort == BY_NAME) {
        const char *first = index->name + slots[one->place] * NAME_BYTES;
        const char *second = index->name + slots[other->place] * NAME_BYTES;
        int order = memcmp(first, second, NAME_BYTES);
        if (order) return order < 0;
        *unknown |= first[NAME_BYTES - 1] != 0;
    }
    if (one->value != other->value) return one->value < other->value;
    if (one->then != other->then) return one->then < other->then;
    return one->id < other->id;
}

static void sink(const Index *index, const i64 *slots, i64 sort, Entry *heap, i64 count, i64 at, int *unknown) {
    Entry moved = heap[at];
    for (i64 child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && before(index, slots, sort, &heap[child + 1], &heap[child], unknown)) child++;
        if (!before(index, slots, sort, &heap[child], &moved, unknown)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static int is_later(const Stay *stay, const Entry *entry) {
    if (entry->value != stay->value) return entry->value > stay->value;
    if (entry->then != stay->then) return entry->then > stay->then;
    return entry->id > stay->id;
}

/* What a hotel is sorted by; 0 where that leaves 64 bits. */
static int key_of(const Index *index, const Stay *stay, const Scheme *scheme, i64 slot, i64 metres, Entry *entry) {
    entry->value = entry->then = 0;
    if (stay->sort == BY_PRICE) {
        entry->value = scheme->down ? converted(scheme, entry->total) : scheme->last;
        entry->then = scheme->down ? 0 : entry->total;
        return !scheme->down || (entry->value >= 0 && entry->value < BEHIND);
    }
    if (stay->sort == BY_DISTANCE) entry->value = metres;
    if (stay->sort == BY_STARS) {
        entry->value = -index->stars[slot];
        entry->then = metres;
    }
    return 1;
}

static int tell(const Index *index, const Stay *stay, const i64 *rows, const i64 *slots, const i64 *metres,
                const Entry *entry, Result *result) {
    i64 slot = slots[entry->place], pair = entry->best, type = index->pair_type[pair], left = INT16_MAX;
    if (type < 0 || type >= index->types) return NOT_KNOWN; /* it has changed since */
    for (i64 night = 0; night < stay->nights; night++) {
        i64 free = index->free[rows[night] * index->types + type];
        if (free < left) left = free;
    }
    *result = (Result){entry->value, entry->then, entry->id, slot, index->version[slot],
                       index->content_at[slot], metres[entry->place], pair, type - index->first_type[slot],
                       index->pair_plan[pair], entry->total, left, index->meal[pair], index->policy[pair],
                       index->clock[slot]};
    return DONE;
}

/* The first of the hotels that `inside` found, in the order asked for, with the cheapest that each sells. Hotels
 * whose scheme is not `known` are passed over; a scheme has one for each kind of room. `left`: the places of those that
 * only SQL can tell of. */
int page(const Index *index, const Stay *stay, const Scheme *const *known, const i64 *slots, const i64 *metres,
         const i64 *ahead, const i64 *schemes, i64 hotels, Entry *heap, i64 *left, Result *results, Counts *counts) {
    i64 rows[MOST_NIGHTS + 1], count = 0;
    int unknown = 0;
    *counts = (Counts){0, 0, 0};
    if (stay->nights < 1 || stay->nights > MOST_NIGHTS || stay->kinds < 1 || stay->kinds > MOST_KINDS) return NOT_KNOWN;
    for (i64 night = 0; night <= stay->nights; night++) rows[night] = (stay->first_row + night) % index->rows;

    for (i64 place = 0; place < hotels; place++) {
        i64 slot = slots[place];
        const Scheme *const *kinds = known + schemes[place] * stay->kinds, *scheme = kinds[0];
        if (!scheme) continue;
        if (index->state[slot] != LIVE) {
            left[counts->left++] = place;
            continue;
        }
        Entry entry = {0, 0, index->id[slot], place, NONE_SOLD, 0};
        if (!stay->lazy && place + FETCHED < hotels) fetch_nights(index, stay, rows, slots[place + FETCHED]);
        if (stay->sort == BY_PRICE || stay->most >= 0) {
            entry.total = bound_of(index, stay, kinds, rows, slot);
            if (entry.total < 0 || is_too_dear(stay, scheme, entry.total)) continue;
        }
        if (!stay->lazy) {
            int only_sql;
            i64 pairs = sells(index, stay, kinds, rows, slot, ahead[place], &only_sql);
            if (pairs < 0) return NOT_KNOWN;
            if (only_sql) left[counts->left++] = place;
            if (!pairs) continue;
            counts->sold++;
        }
        if (!key_of(index, stay, scheme, slot, metres[place], &entry)) return NOT_KNOWN;
        /* By price that is the least that its key can be. */
        if (stay->sort != BY_PRICE && stay->follows && !is_later(stay, &entry)) continue;
        heap[count++] = entry;
    }
    for (i64 at = count / 2 - 1; at >= 0; at--) sink(index, slots, stay->sort, heap, count, at, &unknown);
    while (count && counts->results < stay->wanted) {
        Entry first = heap[0];
        if (first.best == NONE_SOLD) {
            i64 slot = slots[first.place];
            const Scheme *const *kinds = known + schemes[first.place] * stay->kinds;
            for (i64 next = 1; next < 3 && next < count; next++) { /* one of these comes next */
                if (stay->lazy) fetch_nights(index, stay, rows, slots[heap[next].place]);
                fetch_pairs(index, slots[heap[next].place]);
            }
            if (sell(index, stay, kinds, rows, slot, ahead[first.place], &first.best, &first.total)) return NOT_KNOWN;
            if (first.best == LEFT_TO_SQL) left[counts->left++] = first.place;
            if (!key_of(index, stay, kinds[0], slot, metres[first.place], &first)) return NOT_KNOWN;
            if (first.best >= 0 && (!stay->follows || is_later(stay, &first))) heap[0] = first; /* where it belongs now */
            else heap[0] = heap[--count];
        } else {
            if (tell(index, stay, rows, slots, metres, &first, &results[counts->results++])) return NOT_KNOWN;
            heap[0] = heap[--count];
        }
        sink(index, slots, stay->sort, heap, count, 0, &unknown);
    }
    return unknown ? NOT_KNOWN : DONE;
}

/* `total` in proportion to weights, which a running sum of them stands for: the part up to `upto` of `whole`. */
static i64 part(i64 total, i64 upto, i64 whole) {
    __int128 twice = 2 * (__int128)total * upto;
    return (i64)((twice + whole) / (2 * (__int128)whole));
}

/* What the taxes of a stay come to: by tax their amounts, what they are of where it is taxed as a whole, and how
 * many of whatever they are charged by. */
typedef struct {
    i64 amount[MOST_TAXES], base[MOST_TAXES], quantity[MOST_TAXES], due[MOST_TAXES];
} Taken;

static i64 sum_of(const Taxes *taxes, const Taken *taken) {
    i64 sum = 0;
    for (i64 tax = 0; tax < taxes->taxes; tax++)
        sum += taxes->percent[tax] && !taxes->per_line ? rounded(taken->base[tax] * taxes->value[tax], MILLION)
                                                       : taken->amount[tax];
    return sum;
}

/* Takes the percentages of one line; its net. */
static i64 net_of(const Taxes *taxes, i64 applies, i64 ppm, i64 line, Taken *taken) {
    i64 net = ppm ? rounded(line * MILLION, MILLION + ppm) : line, upto = 0, before = 0;
    for (i64 tax = 0; tax < taxes->taxes; tax++) {
        if (!(applies >> tax & 1) || !taxes->percent[tax]) continue;
        i64 value = taxes->value[tax];
        if (!taxes->per_line) taken->base[tax] += net;
        else if (!taxes->included[tax]) taken->amount[tax] += rounded(net * value, MILLION);
        else if (ppm) {
            upto += value; /* a tax of nothing may come behind the one that is all */
            i64 share = upto == ppm ? line - net : part(line - net, upto, ppm);
            taken->amount[tax] += share - before;
            before = share;
        }
    }
    return net;
}

/* Takes an amount that prices include from what is left of a night. */
static void take(i64 *due, i64 *left, i64 *amount) {
    i64 taken = *due < *left ? *due : *left;
    *due -= taken;
    *left -= taken;
    *amount += taken;
}

/* One room's price, line by line, as pricing.py has it: net, tax, how many lines there are, each night's part, by
 * tax its amount and quantity, and the lines (the night's number, what it is for, net, gross). */
static int put_price(const Taxes *taxes, i64 step, i64 nights, const Basis *basis, const Charges *charges, i64 *told,
                     i64 *end, i64 **next) {
    Taken taken = {{0}, {0}, {0}, {0}};
    i64 nets[MOST_NIGHTS], reached[MOST_NIGHTS], net = 0, of_stay = 0, before = 0, upto = 0, shared = 0;
    i64 *by_night = told + 3, *of_tax = by_night + nights, *line = of_tax + 2 * taxes->taxes;
    if (end - line < nights * (LINES + 1) * 4) return TOO_MANY;
    for (i64 tax = 0; tax < taxes->taxes; tax++) {
        if (!taxes->once[tax]) continue;
        taken.quantity[tax] = taxes->counted[tax];
        if (taxes->included[tax]) taken.due[tax] = taxes->value[tax];
        else of_stay += taken.amount[tax] = taxes->value[tax];
    }
    told[2] = 0;
    for (i64 night = 0; night < nights; night++) {
        i64 amounts[LINES + 1], what[LINES + 1], gross[LINES + 1], applies = taxes->applies[night], ppm = 0;
        i64 charged = charges->charged[night], left = charged, own = 0, whole;
        int count = 0;
        if (charged < 0 || charged * (taxes->per_line ? 1 : nights) > LARGEST) return NOT_KNOWN;
        what[count] = THE_NIGHT;
        whole = amounts[count++] = basis->price[night];
        for (int extra = 0; extra < basis->lines; extra++) {
            if (!basis->extras[extra]) continue;
            what[count] = basis->what[extra];
            whole += amounts[count++] = basis->extras[extra];
        }
        if (charged != whole) {
            what[count] = ADJUSTMENT;
            amounts[count++] = charged - whole;
        }
        memcpy(gross, amounts, sizeof gross);
        for (i64 tax = 0; tax < taxes->taxes; tax++) {
            if (!(applies >> tax & 1)) continue;
            taken.quantity[tax] += taxes->percent[tax] ? 1 : taxes->counted[tax];
            i64 due = taxes->value[tax];
            if (taxes->percent[tax]) ppm += taxes->included[tax] ? due : 0;
            else if (taxes->included[tax]) take(&due, &left, &taken.amount[tax]);
            else taken.amount[tax] += due;
        }
        for (i64 tax = 0; tax < taxes->taxes; tax++) take(&taken.due[tax], &left, &taken.amount[tax]);
        for (i64 i = 0, by = charged - left; i < count && by; i++) { /* the lines are less by what was taken */
            i64 less = amounts[i] < 0 ? 0 : by < amounts[i] ? by : amounts[i];
            amounts[i] -= less;
            by -= less;
        }
        if (charges->is_adjusted && count > 1) {
            own = net_of(taxes, applies, ppm, left, &taken);
            i64 rest = own;
            for (int i = 0; i < count; i++) {
                if (i < count - 1 && ppm) amounts[i] = rounded(amounts[i] * MILLION, MILLION + ppm);
                if (i == count - 1) amounts[i] = rest;
                rest -= amounts[i];
            }
        } else {
            for (int i = 0; i < count; i++) own += amounts[i] = net_of(taxes, applies, ppm, amounts[i], &taken);
        }
        for (int i = 0; i < count; i++, told[2]++, line += 4) {
            line[0] = night;
            line[1] = what[i];
            line[2] = amounts[i] * step;
            line[3] = gross[i] * step;
        }
        nets[night] = own;
        net += own;
        reached[night] = net + sum_of(taxes, &taken) - of_stay;
    }
    told[0] = net * step;
    told[1] = sum_of(taxes, &taken) * step;
    for (i64 night = 0; night < nights; night++) {
        i64 shares = of_stay ? part(of_stay, upto += net ? nets[night] : 1, net ? net : nights) : 0;
        by_night[night] = (reached[night] - before + shares - shared) * step;
        before = reached[night];
        shared = shares;
    }
    for (i64 tax = 0; tax < taxes->taxes; tax++, of_tax += 2) {
        of_tax[0] = step * (taxes->percent[tax] && !taxes->per_line ? rounded(taken.base[tax] * taxes->value[tax], MILLION)
                                                                    : taken.amount[tax]);
        of_tax[1] = taken.quantity[tax];
    }
    *next = line;
    return DONE;
}

/* Every pair that a hotel sells to a party with rooms of these kinds, in the order of pairs: the places of its type
 * and plan, how many rooms are left, and for each kind what `put_price` says. */
int offers(const Index *index, const Stay *stay, i64 slot, i64 days, const Scheme *const *kinds, const Taxes *const *taxes,
           i64 many, i64 *told, i64 room, i64 *used) {
    Open open;
    Basis basis;
    Charges charges;
    i64 rows[MOST_NIGHTS + 1], nights = stay->nights, *at = told, *end = told + room, type, rate;
    if (nights < 1 || nights > MOST_NIGHTS || slot < 0 || slot >= index->properties) return NOT_KNOWN;
    for (i64 night = 0; night <= nights; night++) rows[night] = (stay->first_row + night) % index->rows;
    if (open_for(index, stay, kinds, many, rows, slot, &open) != DONE) return NOT_KNOWN;
    for (i64 pair = open.first_pair; pair < open.first_pair + open.pairs; pair++) {
        int sold = is_sold(index, stay, &open, days, pair, &type, &rate);
        if (sold < 0) return NOT_KNOWN;
        if (!sold) continue;
        i64 left = INT16_MAX;
        if (end - at < 3) return TOO_MANY;
        for (i64 night = 0; night < nights; night++) {
            i64 free = index->free[rows[night] * index->types + type];
            if (free < left) left = free;
        }
        *at++ = type - open.first_type;
        *at++ = index->pair_plan[pair];
        *at++ = left;
        for (i64 kind = 0; kind < many; kind++) {
            if (has_own_extras(index, kinds[kind], type, rate)) return NOT_KNOWN;
            if (!base(index, kinds[kind], rows, nights, type, rate, &basis)) return NOT_KNOWN;
            if (!charge(index, kinds[kind], nights, pair, &basis, &charges)) return NOT_KNOWN;
            int known = put_price(taxes[kind], kinds[kind]->step, nights, &basis, &charges, at, end, &at);
            if (known != DONE) return known;
        }
    }
    *used = at - told;
    return DONE;
}

/* What one rule adds to the restrictions of a pair's night; 0 where it closes it or came meanwhile. */
static int restricts(const Index *index, i64 rules, uint16_t rule, Night *own) {
    if (rule >= rules || index->rule_flags[rule] & CLOSED) return 0;
    i64 most = index->rule_max[rule];
    if (index->rule_min_arrival[rule] > own->min_arrival) own->min_arrival = index->rule_min_arrival[rule];
    if (index->rule_min_through[rule] > own->min_through) own->min_through = index->rule_min_through[rule];
    if (most > 0 && most < own->most) own->most = most;
    own->no_arrival |= (index->rule_flags[rule] & TO_ARRIVAL) != 0;
    own->no_departure |= (index->rule_flags[rule] & TO_DEPARTURE) != 0;
    return 1;
}

/* The nights of a hotel. `known` is one scheme, or one for each night where they differ. */
int calendar(const Index *index, const Calendar *asked, const Scheme *const *known, Night *nights) {
    i64 slot = asked->slot, plans = asked->plans, types = asked->types;
    if (slot < 0 || slot >= index->properties || types < 0 || types > MOST_TYPES || plans < 0) return NOT_KNOWN;
    i64 first_type = index->first_type[slot], first_pair = index->first_pair[slot];
    i64 first_rate = index->first_rate[slot], rates = index->rate_count[slot];
    if (index->type_count[slot] != types || index->pair_count[slot] != types * plans) return NOT_KNOWN;
    if (first_type < 0 || first_type + types > index->types) return NOT_KNOWN;
    if (first_pair < 0 || first_pair + types * plans > index->pairs) return NOT_KNOWN;
    if (first_rate < 0 || rates < 0 || first_rate + rates > index->rates) return NOT_KNOWN;
    for (i64 rate = first_rate; rate < first_rate + rates; rate++)
        if (index->own_extras[rate]) return NOT_KNOWN;
    for (i64 number = 0; number < asked->nights; number++) {
        i64 row = (asked->first_row + number) % index->rows, days = asked->ahead + number;
        const Scheme *scheme = known[asked->dated ? number : 0];
        const int16_t *free = index->free + row * index->types;
        const uint16_t *type_rule = index->type_rule + row * index->types, *rate_rule = index->rate_rule + row * index->rates;
        Night *night = &nights[number];
        *night = (Night){-1, -1, 0, NO_LIMIT, NO_LIMIT, 0, 1, 1};
        for (i64 place = 0; place < types; place++) {
            i64 type = first_type + place;
            if (asked->only_type >= 0 && asked->only_type != place) continue;
            if (plans && free[type] > 0) night->left += free[type];
            if (free[type] <= 0 || !fits(index, type, scheme)) continue;
            for (i64 plan = 0; plan < plans; plan++) {
                i64 pair = first_pair + place * plans + plan, rate = index->pair_rate[pair], own = index->pair_own[pair];
                if (asked->only_plan >= 0 && asked->only_plan != plan) continue;
                if (index->pair_type[pair] != type) return NOT_KNOWN;
                if (rate < 0 || index->min_advance[pair] > days || days < 0) continue;
                if (index->max_advance[pair] >= 0 && index->max_advance[pair] < days) continue;
                if (rate < first_rate || rate >= first_rate + rates || own >= first_rate + rates) return NOT_KNOWN;
                if (own >= 0 && own < first_rate) return NOT_KNOWN;
                if (index->price[row * index->rates + rate] < 0) continue;
                i64 shortest = index->min_stay[pair], longest = index->max_stay[pair];
                Night limits = {0, 0, 0, shortest > 0 ? shortest : 0, 0, longest > 0 ? longest : NO_LIMIT, 0, 0};
                if (!restricts(index, asked->rules, type_rule[type], &limits)) continue;
                if (!restricts(index, asked->rules, rate_rule[rate], &limits)) continue;
                if (own >= 0 && !restricts(index, asked->rules, rate_rule[own], &limits)) continue;
                Basis basis;
                Charges charges;
                if (!base(index, scheme, &row, 1, type, rate, &basis)) return NOT_KNOWN;
                if (!charge(index, scheme, 1, pair, &basis, &charges)) return NOT_KNOWN;
                i64 cost = total_of(scheme, 1, &basis, &charges);
                if (cost < 0) return NOT_KNOWN;
                if (night->cost < 0 || cost < night->cost) {
                    night->cost = cost;
                    night->pair = pair - first_pair;
                }
                if (limits.min_arrival < night->min_arrival) night->min_arrival = limits.min_arrival;
                if (limits.min_through < night->min_through) night->min_through = limits.min_through;
                if (limits.most > night->most) night->most = limits.most;
                night->no_arrival &= limits.no_arrival;
                night->no_departure &= limits.no_departure;
            }
        }
    }
    return DONE;
}
