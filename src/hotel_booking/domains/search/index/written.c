/* The results of a search and the offers of a hotel as JSON, by forms: texts in which numbers below 32 stand for what
 * differs, as form.py has them. What is said of offers is what pricing.py and cancellation.py say; tests compare the
 * bytes. As in stays.c, what is not known here is NOT_KNOWN, and nothing is read beyond the arrays. */

#include "index.h"

#include <string.h>

enum { SAME = -1, NOT_COMPARED = -2 };            /* in `worth` */
/* Of a result; what begins with IF stands before what is written only where that holds, up to END. */
enum {
    PROPERTY = 1, KILOMETRES, TYPE_CODE, TYPE_NAME, PLAN_CODE, PLAN_NAME, TOTAL, CURRENCY, PER_NIGHT, NIGHTS, ROOMS,
    ROOMS_LEFT, REFUNDABLE, MEAL, WORTH, WORTH_CURRENCY, IF_ON_CIRCLE, IF_APPROXIMATE, IF_NOT_COMPARED, END
};
/* Of an offer, of a line of its price, and of a stage of what cancelling costs. */
enum {
    OFFER_TYPE_CODE = 1, OFFER_TYPE_NAME, OFFER_PLAN_CODE, OFFER_PLAN_NAME, OFFER_MEAL, OFFER_NIGHTS, OFFER_ROOMS_LEFT,
    OFFER_CURRENCY, OFFER_TOTAL, OFFER_DUE_NOW, OFFER_LINES, OFFER_POLICY_CODE, OFFER_POLICY_NAME, OFFER_REFUNDABLE,
    OFFER_FREE_UNTIL, OFFER_FEE_NOW, OFFER_STAGES, OFFER_NO_SHOW, OFFER_TEXTS
};
enum { LINE_KIND = 1, LINE_NIGHT, LINE_CODE, LINE_LABEL, LINE_QUANTITY, LINE_AMOUNT, LINE_GROSS, LINE_CURRENCY, LINE_INCLUDED };
enum { STAGE_SINCE = 1, STAGE_FEE, STAGE_CURRENCY, STAGE_TEXT };
/* The pieces of a property: see brief.py. */
enum { OF_TYPE = 2, OF_PLAN = 5 };
enum { CODE, NAME, LABEL, POLICY_CODE, POLICY_NAME };
enum { MOST_STAGES = 16, DAY = 10 }; /* DAY: letters of a date */
enum { MOST_PARTS = 64, FETCHED = 2 };
enum { LINE = 64, MOST_FETCHED = 16 * LINE }; /* bytes of the processor's cache */
/* What the persons of a room are called, who cost something more: extra adults, and the children of each band. */
enum { WORDS = 1 + BANDS };
enum { OF_TOTAL, OF_NIGHTS, FIXED };              /* kinds of fees */

typedef struct {
    const char *text;
    i64 size;
} Text;

/* What is written of results. */
typedef struct {
    Text form;
    i64 nights, rooms, on_circle;
    i64 currency;                            /* that they are compared in */
    i64 by_price;                            /* their order is that of what they are worth in it */
    const i64 *worth;                        /* or this says so, by result, or SAME; NULL: none is told */
} Results;

typedef struct {
    i64 kind, value;
} Fee;

/* What a plan asks of who books now for an arrival: what is due now, and what cancelling and not arriving costs. */
typedef struct {
    Fee deposit, now, no_show;
    i64 stages;                              /* that are still to come */
    Fee fee[MOST_STAGES];
    i64 at[MOST_STAGES];                     /* tells their instants apart */
    Text since[MOST_STAGES], said[MOST_STAGES]; /* the instant in JSON, and as people read it */
} Terms;

typedef struct {
    Text code, label;
} Word;

/* What is written of offers. */
typedef struct {
    Text form, line, stage;
    Text sign;                               /* of the currency, as it stands before an amount */
    i64 nights;
    const char *days;                        /* DAY letters of each night */
    i64 digits;                              /* of the currency, after the point */
    i64 rooms, kinds;
    const i64 *kind_of;                      /* by room of the party */
    const Scheme *const *schemes;            /* by kind, and so words, WORDS of each */
    const Word *words;
    i64 taxes;
    const Word *tax;                         /* by tax */
    const i64 *included;
    i64 plans;
    const Terms *const *terms;               /* by plan */
} Offers;

/* Where text is written to, as long as there is room and all is known. */
typedef struct {
    char *at, *end;
    int known;
} Out;

static void put(Out *out, const char *text, i64 size) {
    if (size > out->end - out->at) out->known = TOO_MANY;
    if (out->known != DONE) return;
    memcpy(out->at, text, (size_t)size);
    out->at += size;
}

static void put_text(Out *out, Text text) { put(out, text.text, text.size); }

#define PUT(out, text) put(out, text, sizeof(text) - 1)

/* With a comma between thousands, where `groups`. */
static void put_digits(Out *out, i64 number, int groups) {
    char digits[32], *at = digits + sizeof digits;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int count = 0;
    do {
        if (groups && count && count % 3 == 0) *--at = ',';
        *--at = (char)('0' + left % 10);
        count++;
    } while (left /= 10);
    if (number < 0) *--at = '-';
    put(out, at, digits + sizeof digits - at);
}

static void put_number(Out *out, i64 number) { put_digits(out, number, 0); }

/* Metres as kilometres, with as few decimals as say it, but one. */
static void put_kilometres(Out *out, i64 metres) {
    i64 rest = metres % 1000;
    char decimals[4] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10)};
    put_number(out, metres / 1000);
    put(out, decimals, rest % 10 ? 4 : rest % 100 ? 3 : 2);
}

static void put_letters(Out *out, i64 code) {
    char text[3] = {(char)('A' + code / 676 % 26), (char)('A' + code / 26 % 26), (char)('A' + code % 26)};
    put(out, text, 3);
}

/* A text of a form up to its next field; that field, or 0 at the end. */
static int put_to_field(Out *out, const Text *form, i64 *at) {
    i64 from = *at;
    while (*at < form->size && (unsigned char)form->text[*at] >= 32) ++*at;
    put(out, form->text + from, *at - from);
    return *at < form->size ? form->text[(*at)++] : 0;
}

/* The pieces of a property that stand in the heap: see brief.py. NULL where they are not whole. */
static const char *pieces_of(const Index *index, i64 slot, i64 *size) {
    i64 start = index->content_at[slot], content = index->content_size[slot], brief = index->brief_size[slot];
    *size = index->pieces_size[slot];
    if (start < 0 || start > index->heap_size || content < 0 || brief < 0 || *size < 4) return NULL;
    return content + brief + *size > index->heap_size - start ? NULL : index->heap + start + content + brief;
}

/* One of them. */
static void put_piece(Out *out, const Index *index, i64 slot, i64 number) {
    i64 size, count, from = 0;
    const char *pieces = pieces_of(index, slot, &size);
    if (out->known != DONE) return;
    out->known = NOT_KNOWN;
    if (!pieces) return;
    int32_t read;
    memcpy(&read, pieces, 4);
    count = read;
    i64 first = 4 * (count + 1);
    if (count < 0 || number < 0 || number >= count || first > size) return;
    if (number) {
        memcpy(&read, pieces + 4 * number, 4);
        from = read;
    }
    memcpy(&read, pieces + 4 * (number + 1), 4);
    if (from < 0 || read < from || read > size - first) return;
    out->known = DONE;
    put(out, pieces + first + from, read - from);
}

static void put_of_type(Out *out, const Index *index, i64 slot, i64 place, int what) {
    put_piece(out, index, slot, 1 + OF_TYPE * place + what);
}

static void put_of_plan(Out *out, const Index *index, i64 slot, i64 place, int what) {
    put_piece(out, index, slot, 1 + OF_TYPE * (i64)index->type_count[slot] + OF_PLAN * place + what);
}

/* A form taken apart: texts, each with the field behind it. */
typedef struct {
    Text text;
    int field;
} Part;

/* How many parts a form has, of at most MOST_PARTS; 0: more. */
static i64 parts_of(const Text *form, Part *parts) {
    i64 count = 0;
    for (i64 at = 0, from = 0; at < form->size; from = ++at) {
        while (at < form->size && (unsigned char)form->text[at] >= 32) at++;
        if (count == MOST_PARTS) return 0;
        parts[count++] = (Part){{form->text + from, at - from}, at < form->size ? form->text[at] : END};
    }
    return count;
}

/* Has what is written of a hotel fetched, while another one is written. */
static void fetch(const Index *index, i64 slot) {
    i64 size;
    const char *pieces = slot < 0 || slot >= index->properties ? NULL : pieces_of(index, slot, &size);
    for (i64 at = 0; pieces && at < size && at < MOST_FETCHED; at += LINE) __builtin_prefetch(pieces + at);
}

/* The results as their form has them, one behind the other with commas between; how many bytes they take. `gives`
 * says of each whether it gives money back. */
int write_results(const Index *index, const Results *asked, const int8_t *gives, const Result *results, i64 count,
                  char *to, i64 room, i64 *used) {
    Out out = {to, to + room, DONE};
    Part parts[MOST_PARTS];
    i64 many = parts_of(&asked->form, parts);
    if (!many) return NOT_KNOWN;
    for (i64 place = 0; place < count && out.known == DONE; place++) {
        const Result *one = &results[place];
        i64 slot = one->slot;
        int skips = 0;
        if (place + FETCHED < count) fetch(index, results[place + FETCHED].slot);
        if (slot < 0 || slot >= index->properties || asked->nights < 1) return NOT_KNOWN;
        i64 worth = asked->worth ? asked->worth[place] : SAME;
        if (asked->by_price && index->currency[slot] != asked->currency)
            worth = one->value < BEHIND ? one->value : NOT_COMPARED;
        if (place) PUT(&out, ",");
        for (const Part *part = parts; part < parts + many; part++) {
            if (!skips) put_text(&out, part->text);
            if (part->field == END) skips = 0;
            if (skips) continue;
            switch (part->field) {
            case END: break;
            case IF_ON_CIRCLE: skips = !asked->on_circle; break;
            case IF_APPROXIMATE: skips = worth < 0; break;
            case IF_NOT_COMPARED: skips = worth != NOT_COMPARED; break;
            case PROPERTY: put_piece(&out, index, slot, 0); break;
            case KILOMETRES: put_kilometres(&out, one->metres); break;
            case TYPE_CODE: put_of_type(&out, index, slot, one->type_place, CODE); break;
            case TYPE_NAME: put_of_type(&out, index, slot, one->type_place, NAME); break;
            case PLAN_CODE: put_of_plan(&out, index, slot, one->plan, CODE); break;
            case PLAN_NAME: put_of_plan(&out, index, slot, one->plan, NAME); break;
            case TOTAL: put_number(&out, one->total); break;
            case CURRENCY: put_letters(&out, index->currency[slot]); break;
            case PER_NIGHT: put_number(&out, divided(one->total, asked->nights)); break;
            case NIGHTS: put_number(&out, asked->nights); break;
            case ROOMS: put_number(&out, asked->rooms); break;
            case ROOMS_LEFT: put_number(&out, one->left); break;
            case REFUNDABLE: put_text(&out, gives[place] ? (Text){"true", 4} : (Text){"false", 5}); break;
            case MEAL: put_number(&out, one->meal); break;
            case WORTH: put_number(&out, worth); break;
            case WORTH_CURRENCY: put_letters(&out, asked->currency); break;
            default: return NOT_KNOWN;
            }
        }
    }
    *used = out.at - to;
    return out.known;
}

/* An offer on its way: its places, and what each kind of room costs, as `put_price` in stays.c told it. */
typedef struct {
    i64 slot, type_place, plan, left, type, pair, total;
    const i64 *price[MOST_KINDS];
} Offer;

/* What cancelling costs at each stage, and what is asked otherwise, for all rooms together. */
typedef struct {
    i64 due_now, now, no_show, stages, amount[MOST_STAGES], of[MOST_STAGES]; /* of: the stage in `Terms` */
} Costs;

static const i64 *nights_of(const i64 *price) { return price + 3; }
static const i64 *taxes_of(const Offers *asked, const i64 *price) { return nights_of(price) + asked->nights; }
static const i64 *lines_of(const Offers *asked, const i64 *price) { return taxes_of(asked, price) + 2 * asked->taxes; }

/* What a fee takes of all rooms: of each at most what it costs. */
static i64 amount_of(const Offers *asked, const Offer *offer, Fee fee) {
    i64 sum = 0, step = asked->schemes[0]->step;
    for (i64 room = 0; room < asked->rooms; room++) {
        const i64 *price = offer->price[asked->kind_of[room]];
        i64 total = price[0] + price[1], amount = fee.value;
        if (fee.kind == OF_TOTAL) {
            __int128 twice = 2 * (__int128)total * fee.value, whole = 2 * (__int128)MILLION * step;
            amount = (i64)((twice + whole / 2) / whole) * step;
        } else if (fee.kind == OF_NIGHTS) {
            amount = 0;
            for (i64 night = 0; night < asked->nights && night < fee.value; night++) amount += nights_of(price)[night];
        }
        sum += amount < total ? amount : total;
    }
    return sum;
}

/* As `DatedPolicy.terms`: stages that change nothing are left out, and of two at one instant the first. */
static Costs costs_of(const Offers *asked, const Offer *offer, const Terms *terms) {
    Costs costs = {amount_of(asked, offer, terms->deposit), amount_of(asked, offer, terms->now),
                   amount_of(asked, offer, terms->no_show), 0, {0}, {0}};
    for (i64 stage = 0; stage < terms->stages; stage++) {
        if (costs.stages && terms->at[costs.of[costs.stages - 1]] == terms->at[stage]) costs.stages--;
        i64 amount = amount_of(asked, offer, terms->fee[stage]);
        if (amount == (costs.stages ? costs.amount[costs.stages - 1] : costs.now)) continue;
        costs.amount[costs.stages] = amount;
        costs.of[costs.stages++] = stage;
    }
    return costs;
}

/* As `formats.english`. */
static void put_amount(Out *out, const Offers *asked, i64 amount) {
    i64 unit = 1;
    put_text(out, asked->sign);
    for (i64 digit = 0; digit < asked->digits; digit++) unit *= 10;
    put_digits(out, amount / unit, 1);
    if (asked->digits) PUT(out, ".");
    for (i64 rest = amount % unit; unit > 1; rest %= unit) put_number(out, rest / (unit /= 10));
}

static void put_cost(Out *out, const Offers *asked, const Offer *offer, i64 amount) {
    if (!amount) {
        PUT(out, "nothing");
        return;
    }
    if (amount == offer->total) PUT(out, "the full price, ");
    put_amount(out, asked, amount);
}

/* What people read of a stage; -1: of now. */
static void put_stage_text(Out *out, const Offers *asked, const Offer *offer, const Terms *terms, const Costs *costs,
                           i64 stage) {
    i64 amount = stage < 0 ? costs->now : costs->amount[stage];
    if (stage >= 0) {
        PUT(out, "From ");
        put_text(out, terms->said[costs->of[stage]]);
        PUT(out, " cancelling costs ");
        put_cost(out, asked, offer, amount);
        return;
    }
    if (!amount) {
        PUT(out, "Free cancellation");
    } else {
        if (amount == offer->total && !costs->stages) PUT(out, "Non-refundable: cancelling costs ");
        else PUT(out, "Cancelling costs ");
        put_cost(out, asked, offer, amount);
    }
    if (!costs->stages) return;
    PUT(out, " until ");
    put_text(out, terms->said[costs->of[0]]);
}

/* All that people read of cancelling and of not arriving. */
static void put_texts(Out *out, const Offers *asked, const Offer *offer, const Terms *terms, const Costs *costs) {
    for (i64 stage = -1; stage < costs->stages; stage++) {
        PUT(out, "\"");
        put_stage_text(out, asked, offer, terms, costs, stage);
        PUT(out, "\",");
    }
    if (costs->no_show) {
        PUT(out, "\"Not arriving costs ");
        put_cost(out, asked, offer, costs->no_show);
    } else {
        PUT(out, "\"Not arriving is free");
    }
    PUT(out, "\"");
}

static void put_stages(Out *out, const Offers *asked, const Offer *offer, const Terms *terms, const Costs *costs,
                       i64 currency) {
    int field;
    for (i64 stage = -1; stage < costs->stages && out->known == DONE; stage++) {
        if (stage >= 0) PUT(out, ",");
        for (i64 at = 0; (field = put_to_field(out, &asked->stage, &at));) {
            switch (field) {
            case STAGE_SINCE: put_text(out, stage < 0 ? (Text){"null", 4} : terms->since[costs->of[stage]]); break;
            case STAGE_FEE: put_number(out, stage < 0 ? costs->now : costs->amount[stage]); break;
            case STAGE_CURRENCY: put_letters(out, currency); break;
            case STAGE_TEXT: put_stage_text(out, asked, offer, terms, costs, stage); break;
            default: out->known = NOT_KNOWN;
            }
        }
    }
}

/* A line of a room's price: of a night, or of one of its taxes. */
typedef struct {
    i64 night, what, amount, gross, tax, quantity; /* tax: negative for a night's */
} Line;

static void put_kind(Out *out, const Line *line) {
    if (line->tax >= 0) PUT(out, "tax");
    else if (line->what == THE_NIGHT) PUT(out, "night");
    else if (line->what == ADJUSTMENT && line->gross < 0) PUT(out, "discount");
    else if (line->what == ADJUSTMENT) PUT(out, "plan");
    else PUT(out, "extra_person");
}

static void put_night(Out *out, const Offers *asked, const Line *line) {
    if (line->tax >= 0) {
        PUT(out, "null");
        return;
    }
    PUT(out, "\"");
    put(out, asked->days + DAY * line->night, DAY);
    PUT(out, "\"");
}

/* A line's code, or else what people read. */
static void put_word(Out *out, const Index *index, const Offers *asked, const Offer *offer, i64 kind, const Line *line,
                     int what) {
    if (line->tax < 0 && line->what == THE_NIGHT) {
        put_of_type(out, index, offer->slot, offer->type_place, what == CODE ? CODE : NAME);
        if (what == CODE) return;
        PUT(out, ", ");
        put_of_plan(out, index, offer->slot, offer->plan, NAME);
    } else if (line->tax < 0 && line->what == ADJUSTMENT) {
        put_of_plan(out, index, offer->slot, offer->plan, what);
    } else {
        i64 person = line->what == EXTRA_ADULT ? 0 : 1 + line->what - CHILDREN;
        const Word *word = line->tax < 0 ? &asked->words[WORDS * kind + person] : &asked->tax[line->tax];
        put_text(out, what == CODE ? word->code : word->label);
    }
}

static void put_line(Out *out, const Index *index, const Offers *asked, const Offer *offer, i64 kind, const Line *line) {
    int field;
    for (i64 at = 0; (field = put_to_field(out, &asked->line, &at));) {
        switch (field) {
        case LINE_KIND: put_kind(out, line); break;
        case LINE_NIGHT: put_night(out, asked, line); break;
        case LINE_CODE: put_word(out, index, asked, offer, kind, line, CODE); break;
        case LINE_LABEL: put_word(out, index, asked, offer, kind, line, LABEL); break;
        case LINE_QUANTITY: put_number(out, line->quantity); break;
        case LINE_AMOUNT: put_number(out, line->amount); break;
        case LINE_GROSS: put_number(out, line->gross); break;
        case LINE_CURRENCY: put_letters(out, index->currency[offer->slot]); break;
        case LINE_INCLUDED:
            put_text(out, line->tax >= 0 && asked->included[line->tax] ? (Text){"true", 4} : (Text){"false", 5});
            break;
        default: out->known = NOT_KNOWN;
        }
    }
}

/* How many of whatever it is for a line of a night charges. */
static i64 quantity_of(const Index *index, const Offers *asked, const Offer *offer, i64 kind, i64 what) {
    const Scheme *scheme = asked->schemes[kind];
    if (what == THE_NIGHT) return 1;
    if (what == ADJUSTMENT) return index->adjust_kind[offer->pair] == AMOUNT_PER_PERSON ? scheme->persons : 1;
    if (what == EXTRA_ADULT) return scheme->adults - index->base_occupancy[offer->type];
    return scheme->in_band[what - CHILDREN];
}

static void put_lines(Out *out, const Index *index, const Offers *asked, const Offer *offer) {
    int more = 0;
    for (i64 room = 0; room < asked->rooms && out->known == DONE; room++) {
        i64 kind = asked->kind_of[room];
        const i64 *price = offer->price[kind], *tax = taxes_of(asked, price), *told = lines_of(asked, price);
        for (i64 number = 0; number < price[2]; number++, told += 4) {
            Line line = {told[0], told[1], told[2], told[3], -1, quantity_of(index, asked, offer, kind, told[1])};
            if (more++) PUT(out, ",");
            put_line(out, index, asked, offer, kind, &line);
        }
        for (i64 place = 0; place < asked->taxes; place++, tax += 2) {
            Line line = {0, 0, tax[0], tax[0], place, tax[1]};
            if (!tax[0]) continue;
            if (more++) PUT(out, ",");
            put_line(out, index, asked, offer, kind, &line);
        }
    }
}

static void put_offer(Out *out, const Index *index, const Offers *asked, const Offer *offer) {
    const Terms *terms = asked->terms[offer->plan];
    Costs costs = costs_of(asked, offer, terms);
    i64 slot = offer->slot, currency = index->currency[slot];
    int field, is_free = costs.stages && !costs.now, refundable = costs.now < offer->total || !offer->total;
    for (i64 at = 0; (field = put_to_field(out, &asked->form, &at));) {
        switch (field) {
        case OFFER_TYPE_CODE: put_of_type(out, index, slot, offer->type_place, CODE); break;
        case OFFER_TYPE_NAME: put_of_type(out, index, slot, offer->type_place, NAME); break;
        case OFFER_PLAN_CODE: put_of_plan(out, index, slot, offer->plan, CODE); break;
        case OFFER_PLAN_NAME: put_of_plan(out, index, slot, offer->plan, NAME); break;
        case OFFER_MEAL: put_number(out, index->meal[offer->pair]); break;
        case OFFER_NIGHTS: put_number(out, asked->nights); break;
        case OFFER_ROOMS_LEFT: put_number(out, offer->left); break;
        case OFFER_CURRENCY: put_letters(out, currency); break;
        case OFFER_TOTAL: put_number(out, offer->total); break;
        case OFFER_DUE_NOW: put_number(out, costs.due_now); break;
        case OFFER_LINES: put_lines(out, index, asked, offer); break;
        case OFFER_POLICY_CODE: put_of_plan(out, index, slot, offer->plan, POLICY_CODE); break;
        case OFFER_POLICY_NAME: put_of_plan(out, index, slot, offer->plan, POLICY_NAME); break;
        case OFFER_REFUNDABLE: put_text(out, refundable ? (Text){"true", 4} : (Text){"false", 5}); break;
        case OFFER_FREE_UNTIL: put_text(out, is_free ? terms->since[costs.of[0]] : (Text){"null", 4}); break;
        case OFFER_FEE_NOW: put_number(out, costs.now); break;
        case OFFER_STAGES: put_stages(out, asked, offer, terms, &costs, currency); break;
        case OFFER_NO_SHOW: put_number(out, costs.no_show); break;
        case OFFER_TEXTS: put_texts(out, asked, offer, terms, &costs); break;
        default: out->known = NOT_KNOWN;
        }
    }
}

/* The next of the offers that `offers` in stays.c told, and where the one behind it begins; 0 where its pair is not
 * the one it was. */
static int read_offer(const Index *index, const Offers *asked, i64 slot, const i64 **told, Offer *offer) {
    const i64 *at = *told;
    i64 type = index->first_type[slot] + at[0], pair = index->first_pair[slot] + at[0] * asked->plans + at[1];
    if (at[0] < 0 || at[1] < 0 || at[1] >= asked->plans || pair < 0 || pair >= index->pairs) return 0;
    if (type < 0 || type >= index->types || index->pair_type[pair] != type || index->pair_plan[pair] != at[1]) return 0;
    *offer = (Offer){slot, at[0], at[1], at[2], type, pair, 0, {0}};
    at += 3;
    for (i64 kind = 0; kind < asked->kinds; kind++) {
        offer->price[kind] = at;
        at = lines_of(asked, at) + 4 * at[2];
    }
    for (i64 room = 0; room < asked->rooms; room++) {
        const i64 *price = offer->price[asked->kind_of[room]];
        offer->total += price[0] + price[1];
    }
    *told = at;
    return 1;
}

/* The offers that `offers` told of a hotel as their form has them, the cheapest first and equal ones in their order,
 * with commas between; how many bytes they take. */
int write_offers(const Index *index, const Offers *asked, i64 slot, const i64 *told, i64 size, char *to, i64 room,
                 i64 *used) {
    Out out = {to, to + room, DONE};
    const i64 *at = told, *places[MOST_RATES];
    i64 totals[MOST_RATES], count = 0;
    Offer offer;
    if (slot < 0 || slot >= index->properties || asked->kinds > MOST_KINDS) return NOT_KNOWN;
    while (at < told + size) {
        const i64 *place = at;
        i64 before = count;
        if (count == MOST_RATES || !read_offer(index, asked, slot, &at, &offer)) return NOT_KNOWN;
        for (; before && totals[before - 1] > offer.total; before--) {
            totals[before] = totals[before - 1];
            places[before] = places[before - 1];
        }
        totals[before] = offer.total;
        places[before] = place;
        count++;
    }
    for (i64 number = 0; number < count && out.known == DONE; number++) {
        at = places[number];
        if (!read_offer(index, asked, slot, &at, &offer)) return NOT_KNOWN;
        if (number) PUT(&out, ",");
        put_offer(&out, index, asked, &offer);
    }
    *used = out.at - to;
    return out.known;
}
