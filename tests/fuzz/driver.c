/* Runs a fuzz target without libFuzzer: each file, then changed copies of it, the same every time.
 *
 *     target <changed copies of each file> <file or folder>... */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 12 };

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
static unsigned long executions;

static size_t chance(size_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state >> 11) % below;
}

/* From a copy of its own size, so that reading beyond it is found. */
static void execute(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(2);
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    executions++;
}

static size_t change(uint8_t *data, size_t size)
{
    switch (chance(6)) {
    case 0:
        return chance(size + 1);
    case 1:
        if (size < MOST) {
            size_t at = chance(size + 1);
            memmove(data + at + 1, data + at, size - at);
            data[at] = (uint8_t)chance(256);
            return size + 1;
        }
        return size;
    case 2:
        if (size) {
            size_t at = chance(size);
            memmove(data + at, data + at + 1, size - at - 1);
            return size - 1;
        }
        return size;
    case 3:
        if (size && 2 * size <= MOST) {
            memcpy(data + size, data, size);
            return 2 * size;
        }
        return size;
    case 4:
        if (size)
            data[chance(size)] ^= (uint8_t)(1u << chance(8));
        return size;
    default:
        if (size)
            data[chance(size)] = (uint8_t)chance(256);
        return size;
    }
}

static void run_file(const char *path, unsigned long copies)
{
    static uint8_t original[MOST], changed[MOST + 1];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    size_t size = fread(original, 1, MOST, file);
    fclose(file);
    execute(original, size);
    for (unsigned long i = 0; i < copies; i++) {
        size_t length = size;
        memcpy(changed, original, size);
        for (size_t n = 1 + chance(4); n-- > 0;)
            length = change(changed, length);
        execute(changed, length);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_folder(DIR *folder, const char *path, unsigned long copies)
{
    /* In the order of their names: the changes follow from what came before. */
    static char *names[1 << 14];
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && n < sizeof names / sizeof *names) {
            names[n] = malloc(strlen(path) + strlen(entry->d_name) + 2);
            if (!names[n])
                exit(2);
            sprintf(names[n++], "%s/%s", path, entry->d_name);
        }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        run_file(names[i], copies);
        free(names[i]);
    }
}

int main(int count, char **arguments)
{
    unsigned long copies = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
    execute(NULL, 0);
    for (int i = 2; i < count; i++) {
        DIR *folder = opendir(arguments[i]);
        if (folder) {
            run_folder(folder, arguments[i], copies);
            closedir(folder);
        } else {
            run_file(arguments[i], copies);
        }
    }
    const char *names[FSEG_MOST_VERSIONS];
    size_t versions = fseg_versions(names);
    printf("%lu executions, versions", executions);
    for (size_t i = 0; i < versions; i++)
        printf(" %s", names[i]);
    printf("\n");
    return 0;
}
