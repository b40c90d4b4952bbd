/* Masks of one shape and order, as runs: checks, areas, sets, intersections. */
#include "dispatch.h"
#include "faceseg.h"
#include "status.h"

#include <string.h>

fseg_status fseg_check_runs(const uint32_t *counts, size_t runs, uint32_t area, fseg_fault *fault)
{
    if (!runs)
        return fail(fault, FSEG_NO_RUNS, 0, 0, area);
    int empty;
    uint64_t sum = counts[0] + fseg_active->merge->sum(counts + 1, runs - 1, &empty);
    if (!empty && sum == area)
        return FSEG_OK;
    sum = 0;
    for (size_t i = 0; i < runs; i++) {
        sum += counts[i];
        if (i && !counts[i])
            return fail(fault, FSEG_BAD_RUN, i, 0, 1);
        if (sum > area)
            return fail(fault, FSEG_TOO_LONG, i, (int64_t)sum, area);
    }
    return fail(fault, FSEG_TOO_SHORT, runs - 1, (int64_t)sum, area);
}

/* Runs, those of two masks together, up to which plain C is faster than vectors. A vector of runs
 * that have just been written one by one waits for them. */
enum { FEW_TO_ADD = 16, FEW_TO_MERGE = 24, FEW_TO_INTERSECT = 64 };

uint64_t fseg_area(const uint32_t *counts, size_t runs)
{
    const fseg_merge_loops *loops = runs > FEW_TO_ADD ? fseg_active->merge : &fseg_merge_scalar;
    return loops->area(counts, runs);
}

static fseg_changes changes_of(const uint32_t *counts, size_t runs)
{
    fseg_changes changes = {counts, runs - 1, FSEG_RUNS};
    return changes;
}

/* Merge two masks; a few runs become runs, whatever form is asked for. */
static fseg_changes merge_two(const fseg_merge_loops *loops, fseg_operation operation,
                              fseg_changes a, fseg_changes b, fseg_form form, uint32_t *result)
{
    if (a.changes + b.changes < FEW_TO_MERGE && a.form == FSEG_RUNS && b.form == FSEG_RUNS) {
        loops = &fseg_merge_scalar;
        form = FSEG_RUNS;
    }
    fseg_changes merged = {result, loops->merge(operation, a, b, form, result), form};
    return merged;
}

size_t fseg_merge(fseg_operation operation, const uint32_t *a, size_t a_runs, const uint32_t *b,
                  size_t b_runs, uint32_t *result)
{
    fseg_changes x = changes_of(a, a_runs), y = changes_of(b, b_runs);
    size_t changes = merge_two(fseg_active->merge, operation, x, y, FSEG_RUNS, result).changes;
    if (changes == FSEG_TOO_FAR)
        changes = fseg_merge_scalar.merge(operation, x, y, FSEG_RUNS, result);
    return changes + 1;
}

static fseg_cursor cursor_of(const uint32_t *counts, size_t runs)
{
    fseg_cursor cursor = {counts[0], counts + 1, counts + runs - 1, 0};
    return cursor;
}

/* Masks that are merged in pairs, the results in pairs and so on: a tree. A result at an even depth
 * is written to one array and at an odd depth to the other, from where the runs of its first mask
 * would begin if those of all masks were in a row. So it stays until it is merged itself. */
typedef struct {
    const fseg_merge_loops *loops;
    const uint32_t *const *counts;
    const size_t *runs;
    uint32_t *arrays[2];
} tree;

/* Merge the masks [first, end), of which there is one at least; `at` runs are before them. */
static fseg_changes merge_tree(fseg_operation operation, const tree *masks, size_t first,
                               size_t end, unsigned depth, size_t at)
{
    if (end - first == 1)
        return changes_of(masks->counts[first], masks->runs[first]);
    fseg_operation below = operation == FSEG_MINUS ? FSEG_OR : operation;
    size_t middle = operation == FSEG_MINUS ? first + 1 : first + (end - first) / 2;
    fseg_changes a = merge_tree(below, masks, first, middle, depth + 1, at);
    if (!a.changes && (operation == FSEG_AND || operation == FSEG_MINUS))
        return a;
    uint32_t *result = masks->arrays[depth % 2] + at;
    for (size_t i = first; i < middle; i++)
        at += masks->runs[i];
    fseg_changes b = merge_tree(below, masks, middle, end, depth + 1, at);
    fseg_form form = depth ? masks->loops->between : FSEG_RUNS;
    return merge_two(masks->loops, operation, a, b, form, result);
}

/* Words of the tiles of a mask. */
static size_t tiled_words(uint32_t area)
{
    enum { PIXELS = 64 * FSEG_TILE_WORDS };
    return (area / PIXELS + (area % PIXELS != 0)) * FSEG_TILE_WORDS;
}

/* Merge as bits, tile by tile, in the second array. */
static size_t merge_bits(fseg_operation operation, const tree *masks, size_t n, uint32_t area)
{
    enum { MOST = 64 }; /* masks at once */
    uint64_t *bits = (uint64_t *)(((uintptr_t)masks->arrays[1] + 63) / 64 * 64);
    _Alignas(64) uint64_t other[FSEG_TILE_WORDS];
    fseg_cursor cursors[MOST];
    for (size_t first = 0; first < n; first += MOST) {
        size_t end = n - first < MOST ? n : first + MOST;
        for (size_t i = first; i < end; i++)
            cursors[i - first] = cursor_of(masks->counts[i], masks->runs[i]);
        for (size_t word = 0; word < tiled_words(area); word += FSEG_TILE_WORDS)
            for (size_t i = first; i < end; i++) {
                uint64_t *words = i ? other : bits + word;
                masks->loops->fill(cursors + (i - first), (uint64_t)word * 64, area, words);
                if (i)
                    masks->loops->combine(operation, bits + word, other);
            }
    }
    fseg_plane plane = {bits, 1, area, ((size_t)area + 63) / 64};
    size_t runs = fseg_plane_runs(&plane);
    fseg_plane_emit(&plane, masks->arrays[0], runs);
    return runs;
}

/* Whether bits cost less than a tree, and there is room for them. Writing the runs of a word costs
 * as much as filling a few. */
static int are_dense(const tree *masks, size_t n, uint32_t area)
{
    enum { EMIT_COST = 4 };
    const fseg_merge_loops *loops = masks->loops;
    size_t runs = 0, words = tiled_words(area);
    double depth = 0;
    for (size_t i = 0; i < n; i++)
        runs += masks->runs[i];
    if ((words + 2 * FSEG_SLACK) * (sizeof(uint64_t) / sizeof(uint32_t)) > runs)
        return 0;
    for (size_t i = 1; i < n; i *= 2)
        depth++;
    double merged = depth * (double)runs * loops->merge_cost;
    double filled = (double)runs * loops->fill_change_cost
                    + (double)words * (double)(n + EMIT_COST) * loops->fill_word_cost;
    return filled < merged;
}

size_t fseg_merge_many(fseg_operation operation, const uint32_t *const *counts, const size_t *runs,
                       size_t n, uint32_t *result, uint32_t *scratch)
{
    int empty;
    tree masks = {fseg_active->merge, counts, runs, {result, scratch}};
    uint32_t area = (uint32_t)masks.loops->sum(counts[0], runs[0], &empty);
    if (n > 1 && are_dense(&masks, n, area))
        return merge_bits(operation, &masks, n, area);
    if (area > FSEG_LAST_KEY_POSITION)
        masks.loops = &fseg_merge_scalar;
    fseg_changes merged = merge_tree(operation, &masks, 0, n, 0, 0);
    if (merged.values != result)
        memcpy(result, merged.values, (merged.changes + 1) * sizeof *result);
    return merged.changes + 1;
}

uint64_t fseg_intersection(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs)
{
    uint64_t in_common = FSEG_TOO_FAR;
    if (a_runs + b_runs > FEW_TO_INTERSECT)
        in_common = fseg_active->merge->intersection(a, a_runs, b, b_runs);
    if (in_common == FSEG_TOO_FAR)
        in_common = fseg_merge_scalar.intersection(a, a_runs, b, b_runs);
    return in_common;
}

/* --- Matrices of intersections ---------------------------------------------------------------- */

typedef struct {
    const uint32_t *const *counts;
    const size_t *runs;
    size_t n;
} side;

/* The pixels from the first foreground to the last one; from == to if there is none. */
typedef struct {
    uint64_t from;
    uint64_t to;
} extent;

static inline extent extent_of(const side *all, size_t i, uint32_t area)
{
    const uint32_t *counts = all->counts[i];
    size_t runs = all->runs[i];
    extent e = {counts[0], runs % 2 ? area - counts[runs - 1] : area};
    if (runs == 1)
        e.from = e.to = 0;
    return e;
}

static inline extent overlap(extent a, extent b)
{
    extent e = {a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};
    e.to = e.to < e.from ? e.from : e.to;
    return e;
}

static inline double length_of(extent e)
{
    return (double)(e.to - e.from);
}

/* Masks that have up to so many runs are foreground in all of their extent. */
enum { SOLID_RUNS = 3 };

static int are_solid(const side *all)
{
    size_t i = 0;
    while (i < all->n && all->runs[i] <= SOLID_RUNS)
        i++;
    return i == all->n;
}

/* Ways to a matrix: merge the runs of each pair; merge keys, which are made once for each mask; or
 * compare bits, which are filled once for each mask, tile by tile. Keys suit smooth outlines on
 * large images, bits the rest: 32 x 32 ellipses of 512 x 512, noisy edges, with AVX-512: 7 ms by
 * keys, 0.7 ms by bits; of 1080 x 1920, smooth: 1.8 and 2.4 ms. */
typedef enum { BY_RUNS, BY_KEYS, BY_TILES } method;

/* Picoseconds for a pair in a tile, apart from its words, and for a pair with few runs. */
enum { TILE_COST = 30000, FEW_COST = 20000 };

/* Cost of filling tiles with masks. */
static double fill_cost(const fseg_merge_loops *loops, const side *all, uint32_t area)
{
    double cost = 0;
    for (size_t i = 0; i < all->n; i++)
        cost += (double)all->runs[i] * loops->fill_change_cost
                + (length_of(extent_of(all, i, area)) / 64 + FSEG_TILE_WORDS)
                      * loops->fill_word_cost;
    return cost;
}

static method cheapest(const fseg_merge_loops *loops, const side *a, const side *b, uint32_t area)
{
    if (are_solid(a) && are_solid(b))
        return BY_RUNS;
    const double tile_cost = loops->word_cost / 64.0 + (double)TILE_COST / (64 * FSEG_TILE_WORDS);
    double merged = 0, tiled = fill_cost(loops, a, area) + fill_cost(loops, b, area);
    for (size_t i = 0; i < a->n; i++) {
        extent x = extent_of(a, i, area);
        double of_a = (double)a->runs[i] / (length_of(x) + 1) * loops->merge_cost;
        for (size_t j = 0; j < b->n; j++) {
            extent y = extent_of(b, j, area);
            double both = length_of(overlap(x, y));
            double of_b = (double)b->runs[j] / (length_of(y) + 1) * loops->merge_cost;
            int few = a->runs[i] + b->runs[j] <= FEW_TO_INTERSECT;
            merged += both * (of_a + of_b) + (both == 0 ? 0 : few ? FEW_COST : loops->pair_cost);
            tiled += both * tile_cost + (both == 0 ? 0 : TILE_COST);
        }
    }
    if (tiled < merged)
        return BY_TILES;
    return loops->keys && area <= FSEG_LAST_KEY_POSITION ? BY_KEYS : BY_RUNS;
}

/* Pixels in common, of which there may be none at all. */
static uint64_t intersect_pair(const side *a, size_t i, const side *b, size_t j, uint32_t area)
{
    extent both = overlap(extent_of(a, i, area), extent_of(b, j, area));
    if (both.from == both.to || (a->runs[i] <= SOLID_RUNS && b->runs[j] <= SOLID_RUNS))
        return both.to - both.from;
    return fseg_intersection(a->counts[i], a->runs[i], b->counts[j], b->runs[j]);
}

static void intersect_runs(const side *a, const side *b, int same, uint32_t area,
                           uint64_t *table)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = same ? i : 0; j < b->n; j++)
            table[i * b->n + j] = intersect_pair(a, i, b, j, area);
}

/* Elements for the keys of masks. */
static size_t room_for_keys(const side *all)
{
    size_t room = FSEG_KEYS_BEFORE;
    for (size_t i = 0; i < all->n; i++)
        room += all->runs[i] - 1 + FSEG_KEYS_BEHIND;
    return room;
}

/* Write the keys of masks, one after the other. */
static void write_keys(const fseg_merge_loops *loops, const side *all, uint32_t tag,
                       uint32_t *keys)
{
    memset(keys, 0, FSEG_KEYS_BEFORE * sizeof *keys);
    keys += FSEG_KEYS_BEFORE;
    for (size_t i = 0; i < all->n; i++) {
        loops->keys(all->counts[i], all->runs[i], tag, keys);
        keys += all->runs[i] - 1 + FSEG_KEYS_BEHIND;
    }
}

static void intersect_keys(const fseg_merge_loops *loops, const side *a, const side *b, int same,
                           uint32_t area, uint64_t *table, uint32_t *scratch)
{
    uint32_t *a_keys = scratch, *all_b_keys = scratch + room_for_keys(a);
    write_keys(loops, a, 0, a_keys);
    write_keys(loops, b, 1, all_b_keys);
    a_keys += FSEG_KEYS_BEFORE;
    for (size_t i = 0; i < a->n; i++) {
        extent x = extent_of(a, i, area);
        const uint32_t *b_keys = all_b_keys + FSEG_KEYS_BEFORE;
        for (size_t j = 0; j < b->n; j++) {
            size_t a_changes = a->runs[i] - 1, b_changes = b->runs[j] - 1;
            extent both = overlap(x, extent_of(b, j, area));
            uint64_t *pixels = table + i * b->n + j;
            if (both.from == both.to || (same && j < i))
                *pixels = 0;
            else if (a->runs[i] + b->runs[j] <= FEW_TO_INTERSECT)
                *pixels = fseg_merge_scalar.intersection(a->counts[i], a->runs[i], b->counts[j],
                                                         b->runs[j]);
            else
                *pixels = loops->intersection_of_keys(a_keys, a_changes, b_keys, b_changes, area);
            b_keys += b_changes + FSEG_KEYS_BEHIND;
        }
        a_keys += a->runs[i] - 1 + FSEG_KEYS_BEHIND;
    }
}

/* The most masks of each side whose tiles are held at once: 2 MiB in all. */
enum { MOST_TILES = 256 };

/* A mask whose tiles are filled one after the other. */
typedef struct {
    fseg_cursor cursor;
    extent extent;
    uint64_t *words;
    size_t from; /* words of the tile that may have foreground, in eights */
    size_t to;
} tiled;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t room_for_tiles(size_t n)
{
    return smaller(n, MOST_TILES) * (FSEG_TILE_WORDS * sizeof(uint64_t) + sizeof(tiled));
}

/* Begin with some masks; return their common extent. */
static extent open_tiled(const side *all, size_t first, size_t n, uint32_t area, uint64_t *words,
                         tiled *open)
{
    extent whole = {area, 0};
    for (size_t i = 0; i < n; i++) {
        fseg_cursor cursor = cursor_of(all->counts[first + i], all->runs[first + i]);
        tiled mask = {cursor, extent_of(all, first + i, area), words, 0, 0};
        words += FSEG_TILE_WORDS;
        open[i] = mask;
        if (mask.extent.from == mask.extent.to)
            continue;
        whole.from = mask.extent.from < whole.from ? mask.extent.from : whole.from;
        whole.to = mask.extent.to > whole.to ? mask.extent.to : whole.to;
    }
    return whole;
}

static void fill_tiles(const fseg_merge_loops *loops, tiled *open, size_t n, extent tile,
                       uint32_t area)
{
    for (size_t i = 0; i < n; i++) {
        tiled *mask = open + i;
        extent filled = overlap(mask->extent, tile);
        mask->from = mask->to = 0;
        if (filled.from == filled.to)
            continue;
        mask->from = (size_t)(filled.from - tile.from) / 512 * 8;
        mask->to = (size_t)(filled.to - tile.from + 511) / 512 * 8;
        fseg_cursor *cursor = &mask->cursor;
        while (cursor->change < tile.from) {
            cursor->change += *cursor->next++;
            cursor->inside = ~cursor->inside;
        }
        loops->fill(cursor, tile.from, area, mask->words);
    }
}

/* Add the pixels that pairs of masks have in common in a tile. */
static void intersect_tile(const fseg_merge_loops *loops, const tiled *a, size_t m, const tiled *b,
                           size_t n, size_t columns, int same, uint64_t *table)
{
    enum { ROWS = 4 }; /* so many tiles of a, and one of b, stay in the first cache */
    for (size_t first = 0; first < m; first += ROWS)
        for (size_t j = same ? first : 0; j < n; j++)
            for (size_t i = first; i < smaller(first + ROWS, m); i++) {
                size_t from = a[i].from > b[j].from ? a[i].from : b[j].from;
                size_t to = smaller(a[i].to, b[j].to);
                if (from < to)
                    table[i * columns + j] += loops->intersection_of_words(
                        a[i].words + from, b[j].words + from, to - from);
            }
}

static void intersect_tiles(const fseg_merge_loops *loops, const side *a, const side *b, int same,
                            uint32_t area, uint64_t *table, void *scratch)
{
    size_t a_most = smaller(a->n, MOST_TILES), b_most = smaller(b->n, MOST_TILES);
    uint64_t *a_words = scratch, *b_words = a_words + a_most * FSEG_TILE_WORDS;
    tiled *x = (tiled *)(void *)(b_words + b_most * FSEG_TILE_WORDS), *y = x + a_most;
    memset(table, 0, a->n * b->n * sizeof *table);
    for (size_t i = 0; i < a->n; i += a_most)
        for (size_t j = same ? i : 0; j < b->n; j += b_most) {
            size_t m = smaller(a->n - i, a_most), n = smaller(b->n - j, b_most);
            extent whole = overlap(open_tiled(a, i, m, area, a_words, x),
                                   open_tiled(b, j, n, area, b_words, y));
            whole.from -= whole.from % (64 * FSEG_TILE_WORDS);
            for (extent tile = whole; tile.from < whole.to; tile.from = tile.to) {
                tile.to = tile.from + 64 * FSEG_TILE_WORDS;
                fill_tiles(loops, x, m, tile, area);
                fill_tiles(loops, y, n, tile, area);
                intersect_tile(loops, x, m, y, n, b->n, same && i == j, table + i * b->n + j);
            }
        }
}

size_t fseg_intersections_scratch(const uint32_t *const *a, const size_t *a_runs, size_t m,
                                  const uint32_t *const *b, const size_t *b_runs, size_t n,
                                  uint32_t area)
{
    (void)area;
    const side x = {a, a_runs, m}, y = {b, b_runs, n};
    size_t keys = (room_for_keys(&x) + room_for_keys(&y)) * sizeof(uint32_t);
    size_t tiles = room_for_tiles(m) + room_for_tiles(n);
    return keys > tiles ? keys : tiles;
}

/* Both sides are the same masks: half of the table tells the other. */
static int is_same(const side *a, const side *b)
{
    size_t i = 0;
    while (a->n == b->n && i < a->n && a->counts[i] == b->counts[i])
        i++;
    return a->n == b->n && i == a->n;
}

void fseg_intersections(const uint32_t *const *a, const size_t *a_runs, size_t m,
                        const uint32_t *const *b, const size_t *b_runs, size_t n, uint32_t area,
                        uint64_t *table, void *scratch)
{
    const fseg_merge_loops *loops = fseg_active->merge;
    const side x = {a, a_runs, m}, y = {b, b_runs, n};
    int same = is_same(&x, &y);
    switch (cheapest(loops, &x, &y, area)) {
    case BY_RUNS:
        intersect_runs(&x, &y, same, area, table);
        break;
    case BY_KEYS:
        intersect_keys(loops, &x, &y, same, area, table, scratch);
        break;
    case BY_TILES:
        intersect_tiles(loops, &x, &y, same, area, table, scratch);
        break;
    }
    for (size_t i = 0; same && i < m; i++)
        for (size_t j = 0; j < i; j++)
            table[i * n + j] = table[j * n + i];
}
