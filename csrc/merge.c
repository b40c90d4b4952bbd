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

uint64_t fseg_area(const uint32_t *counts, size_t runs)
{
    return fseg_active->merge->area(counts, runs);
}

static fseg_changes changes_of(const uint32_t *counts, size_t runs)
{
    fseg_changes changes = {counts, runs - 1, FSEG_RUNS};
    return changes;
}

size_t fseg_merge(fseg_operation operation, const uint32_t *a, size_t a_runs, const uint32_t *b,
                  size_t b_runs, uint32_t *result)
{
    fseg_changes x = changes_of(a, a_runs), y = changes_of(b, b_runs);
    size_t changes = fseg_active->merge->merge(operation, x, y, FSEG_RUNS, result);
    if (changes == FSEG_TOO_FAR)
        changes = fseg_merge_scalar.merge(operation, x, y, FSEG_RUNS, result);
    return changes + 1;
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

/* Merge the masks [first, end), n > 0; `at` runs are before them. */
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
    fseg_changes merged = {result, 0, depth ? masks->loops->between : FSEG_RUNS};
    merged.changes = masks->loops->merge(operation, a, b, merged.form, result);
    return merged;
}

size_t fseg_merge_many(fseg_operation operation, const uint32_t *const *counts, const size_t *runs,
                       size_t n, uint32_t *result, uint32_t *scratch)
{
    int empty;
    tree masks = {fseg_active->merge, counts, runs, {result, scratch}};
    if (masks.loops->sum(counts[0], runs[0], &empty) > FSEG_LAST_KEY_POSITION)
        masks.loops = &fseg_merge_scalar;
    fseg_changes merged = merge_tree(operation, &masks, 0, n, 0, 0);
    if (merged.values != result)
        memcpy(result, merged.values, (merged.changes + 1) * sizeof *result);
    return merged.changes + 1;
}

uint64_t fseg_intersection(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs)
{
    uint64_t in_common = fseg_active->merge->intersection(a, a_runs, b, b_runs);
    return in_common == FSEG_TOO_FAR ? fseg_merge_scalar.intersection(a, a_runs, b, b_runs)
                                     : in_common;
}

/* --- Matrices of intersections ---------------------------------------------------------------- */

typedef struct {
    const uint32_t *const *counts;
    const size_t *runs;
    size_t n;
} masks;

/* The pixels from the first foreground to the last one; from == to if there is none. */
typedef struct {
    uint64_t from;
    uint64_t to;
} extent;

static inline extent extent_of(const masks *all, size_t i, uint32_t area)
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

/* Ways to a matrix: merge the runs of each pair; merge keys, which are made once for each mask; or
 * compare bits, which are filled once for each mask, tile by tile. */
typedef enum { BY_RUNS, BY_KEYS, BY_TILES } method;

/* Costs in picoseconds of a pair, apart from its pixels, and of a pair in a tile. */
enum { PAIR_COST = 60000, TILE_COST = 10000 };

/* Cost of filling tiles with masks. */
static double fill_cost(const fseg_merge_loops *loops, const masks *all, uint32_t area)
{
    double cost = 0;
    for (size_t i = 0; i < all->n; i++)
        cost += (double)all->runs[i] * loops->fill_change_cost
                + length_of(extent_of(all, i, area)) / 64 * loops->fill_word_cost;
    return cost;
}

static method cheapest(const fseg_merge_loops *loops, const masks *a, const masks *b, uint32_t area)
{
    const double of_tiles = (double)loops->word_cost / 64 + (double)TILE_COST / (64 * FSEG_TILE_WORDS);
    double merged = 0, tiled = fill_cost(loops, a, area) + fill_cost(loops, b, area);
    for (size_t i = 0; i < a->n; i++) {
        extent x = extent_of(a, i, area);
        double x_changes = (double)a->runs[i] / (length_of(x) + 1) * loops->merge_cost;
        for (size_t j = 0; j < b->n; j++) {
            extent y = extent_of(b, j, area);
            double both = length_of(overlap(x, y));
            if (both == 0)
                continue;
            double y_changes = (double)b->runs[j] / (length_of(y) + 1) * loops->merge_cost;
            merged += PAIR_COST + both * (x_changes + y_changes);
            tiled += TILE_COST + both * of_tiles;
        }
    }
    if (tiled < merged)
        return BY_TILES;
    return loops->keys && area <= FSEG_LAST_KEY_POSITION ? BY_KEYS : BY_RUNS;
}

static void intersect_runs(const masks *a, const masks *b, int same, uint32_t area,
                           uint64_t *table)
{
    for (size_t i = 0; i < a->n; i++) {
        extent x = extent_of(a, i, area);
        for (size_t j = same ? i : 0; j < b->n; j++) {
            extent both = overlap(x, extent_of(b, j, area));
            table[i * b->n + j] = both.from == both.to
                                      ? 0
                                      : fseg_intersection(a->counts[i], a->runs[i], b->counts[j],
                                                          b->runs[j]);
        }
    }
}

/* Elements for the keys of masks. */
static size_t room_for_keys(const masks *all)
{
    size_t room = FSEG_KEYS_BEFORE;
    for (size_t i = 0; i < all->n; i++)
        room += all->runs[i] - 1 + FSEG_KEYS_BEHIND;
    return room;
}

/* Write the keys of masks, one after the other. */
static void write_keys(const fseg_merge_loops *loops, const masks *all, uint32_t tag, uint32_t *keys)
{
    memset(keys, 0, FSEG_KEYS_BEFORE * sizeof *keys);
    keys += FSEG_KEYS_BEFORE;
    for (size_t i = 0; i < all->n; i++) {
        loops->keys(all->counts[i], all->runs[i], tag, keys);
        keys += all->runs[i] - 1 + FSEG_KEYS_BEHIND;
    }
}

static void intersect_keys(const fseg_merge_loops *loops, const masks *a, const masks *b, int same,
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
            extent both = overlap(x, extent_of(b, j, area));
            if (!same || i <= j)
                table[i * b->n + j] =
                    both.from == both.to
                        ? 0
                        : loops->intersection_of_keys(a_keys, a->runs[i] - 1, b_keys,
                                                      b->runs[j] - 1, area);
            b_keys += b->runs[j] - 1 + FSEG_KEYS_BEHIND;
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
static extent open_tiled(const masks *all, size_t first, size_t n, uint32_t area, uint64_t *words,
                         tiled *open)
{
    extent whole = {area, 0};
    for (size_t i = 0; i < n; i++) {
        const uint32_t *counts = all->counts[first + i], *last = counts + all->runs[first + i] - 1;
        fseg_cursor cursor = {counts[0], counts + 1, last, 0};
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

static void intersect_tiles(const fseg_merge_loops *loops, const masks *a, const masks *b, int same,
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
    const masks x = {a, a_runs, m}, y = {b, b_runs, n};
    size_t keys = (room_for_keys(&x) + room_for_keys(&y)) * sizeof(uint32_t);
    size_t tiles = room_for_tiles(m) + room_for_tiles(n);
    return keys > tiles ? keys : tiles;
}

/* Both sides are the same masks: half of the table tells the other. */
static int is_same(const masks *a, const masks *b)
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
    const masks x = {a, a_runs, m}, y = {b, b_runs, n};
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
